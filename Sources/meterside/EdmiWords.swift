import Drivers
import Metering

/// EDMI frame bodies in words (reference: EDMI command line; letters R M I O W N L X F).
enum EdmiWords {
    static func meaning(of body: [UInt8]) -> String {
        if body.isEmpty { return "attention" }
        guard let envelope = EdmiEnvelope(body: body) else { return inner(body) }
        return "\(envelope.source)>\(envelope.destination) #\(envelope.sequence) \(inner(envelope.inner))"
    }

    private static func inner(_ bytes: [UInt8]) -> String {
        switch EdmiReply(inner: bytes) {
        case .acknowledge?: return "ACK"
        case .refusal(let refusal)?: return "refused: \(refusal.text)"
        case .data(let data)?: return command(data)
        case nil: return "unknown: \(Hex.text(bytes))"
        }
    }

    private static func command(_ bytes: [UInt8]) -> String {
        let rest = bytes.dropFirst()
        switch bytes[0] {
        case UInt8(ascii: "L"): return "log in as \(text(rest.prefix { $0 != UInt8(ascii: ",") }))"
        case UInt8(ascii: "X") where rest.isEmpty: return "log off"
        case UInt8(ascii: "R"): return register("read", rest, width: 2)
        case UInt8(ascii: "M"): return many(rest)
        case UInt8(ascii: "I"): return described(rest, width: 2)
        case UInt8(ascii: "O"): return described(rest, width: 4)
        case UInt8(ascii: "W"): return register("write", rest, width: 2)
        case UInt8(ascii: "N"): return register("write", rest, width: 4)
        case UInt8(ascii: "F"): return file(rest)
        default: return "unknown: \(Hex.text(bytes))"
        }
    }

    /// A register number alone is a question, with bytes after it an answer (or what is written).
    private static func register(_ verb: String, _ bytes: ArraySlice<UInt8>, width: Int) -> String {
        guard bytes.count >= width else { return "\(verb), cut off: \(Hex.text(bytes))" }
        let name = Hex.text(bytes.prefix(width)).uppercased()
        let value = bytes.dropFirst(width)
        if value.isEmpty { return "\(verb) \(name)" }
        return "\(verb == "read" ? "" : verb + " ")\(name) = \(self.value(value))"
    }

    /// `M`: one register of 32 bits, or with FFF0 and FFF1 several.
    private static func many(_ bytes: ArraySlice<UInt8>) -> String {
        let mark = Array(bytes.prefix(4))
        guard mark == [0, 0, 0xFF, 0xF0] || mark == [0, 0, 0xFF, 0xF1] else {
            return register("read", bytes, width: 4)
        }
        return "several registers: \(Hex.text(bytes.dropFirst(4)))"
    }

    /// `I`, `O`: a question, or type letter, unit letter and description.
    private static func described(_ bytes: ArraySlice<UInt8>, width: Int) -> String {
        guard bytes.count >= width else { return "describe, cut off: \(Hex.text(bytes))" }
        let name = Hex.text(bytes.prefix(width)).uppercased()
        let answer = Array(bytes.dropFirst(width))
        guard answer.count >= 2 else { return "describe \(name)" }
        let unit = EdmiUnit(rawValue: answer[1])?.text ?? "?"
        let words = text(answer.dropFirst(2).prefix { $0 != 0 })
        return "\(name) is type \(text(answer.prefix(1))), unit \(unit.isEmpty ? "none" : unit) \(words)"
    }

    /// The type is not on the wire: what the bytes would be as a float or double is only a help to the eye.
    private static func value(_ bytes: ArraySlice<UInt8>) -> String {
        let hex = Hex.text(bytes)
        var number: UInt64 = 0
        for byte in bytes.prefix(8) { number = number << 8 | UInt64(byte) }
        switch bytes.count {
        case 4:
            let float = Float(bitPattern: UInt32(truncatingIfNeeded: number))
            return DecimalValue(float).map { "\(hex) (float \($0.text))" } ?? hex
        case 8:
            return DecimalValue(Double(bitPattern: number)).map { "\(hex) (double \($0.text))" } ?? hex
        default:
            // Strings of a meter end with a NUL.
            let isText =
                bytes.count > 1 && bytes.last == 0 && bytes.dropLast().allSatisfy { (0x20...0x7E).contains($0) }
            return isText ? "\"\(text(bytes.dropLast()))\"" : hex
        }
    }

    /// Load survey access: FI, FS and FR of the Genius meters, F and a digit of the Atlas ones.
    private static func file(_ bytes: ArraySlice<UInt8>) -> String {
        let rest = bytes.dropFirst()
        switch bytes.first {
        case UInt8(ascii: "I"): return "survey information \(Hex.text(rest))"
        case UInt8(ascii: "S"): return "survey search \(Hex.text(rest))"
        case UInt8(ascii: "R"): return "survey records \(Hex.text(rest))"
        case let digit? where (0x30...0x39).contains(digit): return "survey \(digit - 0x30) records \(Hex.text(rest))"
        default: return "file access \(Hex.text(bytes))"
        }
    }

    private static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
