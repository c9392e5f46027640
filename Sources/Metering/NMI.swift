/// National Metering Identifier: the connection point, 10 characters (AEMO NMI Procedure, §2).
public struct NMI: Hashable, Sendable, CustomStringConvertible {
    /// The ten characters, without the check digit.
    public let text: String

    public var description: String { text }

    /// Takes ten characters, or eleven with a right check digit; letters O and I are never used.
    public init(_ input: String) throws(NMIError) {
        let bytes = Array(input.utf8)
        guard bytes.count == 10 || bytes.count == 11 else { throw .length(bytes.count) }
        let body = bytes.prefix(10)
        for byte in body {
            let isDigit = (48...57).contains(byte)
            let isLetter = (65...90).contains(byte) && byte != UInt8(ascii: "O") && byte != UInt8(ascii: "I")
            guard isDigit || isLetter else { throw .character(String(Unicode.Scalar(byte))) }
        }
        let expected = Self.checkDigit(body)
        if bytes.count == 11, bytes[10] != 48 + UInt8(expected) { throw .checkDigit(expected: expected) }
        text = String(decoding: body, as: UTF8.self)
    }

    /// The check digit, 0…9.
    public var checkDigit: Int { Self.checkDigit(Array(text.utf8)[...]) }

    /// Luhn over the decimal digits of the ASCII codes, every second character from the right doubled
    /// (AEMO NMI Procedure, appendix on the check sum).
    private static func checkDigit(_ characters: ArraySlice<UInt8>) -> Int {
        var sum = 0
        for (index, byte) in characters.reversed().enumerated() {
            var value = Int(byte) * (index % 2 == 0 ? 2 : 1)
            while value > 0 {
                sum += value % 10
                value /= 10
            }
        }
        return (10 - sum % 10) % 10
    }
}

/// Why a text is no NMI.
public enum NMIError: Error, Equatable, CustomStringConvertible {
    case length(Int)
    case character(String)
    case checkDigit(expected: Int)

    public var description: String {
        switch self {
        case .length(let count): "an NMI has 10 characters, or 11 with its check digit; this has \(count)"
        case .character(let text): "an NMI has digits and capital letters except O and I; this has \"\(text)\""
        case .checkDigit(let expected): "the check digit is wrong: it should be \(expected); look at the NMI again"
        }
    }
}
