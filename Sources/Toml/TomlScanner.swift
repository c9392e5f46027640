import Metering

/// Steps through TOML text and counts lines.
struct TomlScanner {
    private let bytes: [UInt8]
    private let file: String
    private var offset = 0
    /// 1-based line of the next byte.
    private(set) var line = 1

    init(_ text: String, file: String) {
        bytes = Array(text.utf8)
        self.file = file
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    func next() -> UInt8? { offset + 1 < bytes.count ? bytes[offset + 1] : nil }

    mutating func advance(_ count: Int) {
        for _ in 0..<count where offset < bytes.count {
            if bytes[offset] == 0x0A { line += 1 }
            offset += 1
        }
    }

    mutating func take(_ mark: StaticString) -> Bool {
        let count = mark.utf8CodeUnitCount
        guard offset + count <= bytes.count,
            bytes[offset..<offset + count].elementsEqual(
                UnsafeBufferPointer(start: mark.utf8Start, count: count))
        else { return false }
        advance(count)
        return true
    }

    mutating func expect(_ mark: StaticString) throws(SettingsFault) {
        skipSpaces()
        guard take(mark) else { throw fault("\(mark) is missing") }
    }

    mutating func skipSpaces() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 { advance(1) }
    }

    /// Spaces, line ends and comments.
    mutating func skipBlank() {
        while let byte = peek() {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: advance(1)
            case UInt8(ascii: "#"):
                while let byte = peek(), byte != 0x0A { advance(1) }
            default: return
            }
        }
    }

    /// A dotted key.
    mutating func key() throws(SettingsFault) -> [String] {
        var parts: [String] = []
        repeat {
            skipSpaces()
            guard parts.count < 32 else { throw fault("a key has too many parts") }
            if let quote = peek(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                let text = try literal()
                guard !text.utf8.contains(UInt8(ascii: "\\")) else {
                    throw fault("a key may not have a backslash")
                }
                parts.append(String(text.dropFirst().dropLast()))
            } else {
                let start = offset
                while let byte = peek(), Self.isBare(byte) { advance(1) }
                guard offset > start else { throw fault("a key is missing") }
                parts.append(String(decoding: bytes[start..<offset], as: UTF8.self))
            }
            skipSpaces()
        } while take(".")
        return parts
    }

    /// A string, number, boolean or date, as written.
    mutating func literal() throws(SettingsFault) -> String {
        let start = offset
        if take("\"\"\"") {
            try skipString(until: "\"\"\"", escapes: true)
        } else if take("'''") {
            try skipString(until: "'''", escapes: false)
        } else if take("\"") {
            try skipString(until: "\"", escapes: true)
        } else if take("'") {
            try skipString(until: "'", escapes: false)
        } else {
            while let byte = peek(), !Self.endsValue(byte) { advance(1) }
            // A date and its time may be divided by a space.
            if offset - start == 10, bytes[start + 4] == UInt8(ascii: "-"), peek() == 0x20, let digit = next(),
                (48...57).contains(digit)
            {
                advance(1)
                while let byte = peek(), !Self.endsValue(byte) { advance(1) }
            }
            guard offset > start else { throw fault("a value is missing") }
            guard TomlScalar.isValid(bytes[start..<offset]) else {
                let text = String(decoding: bytes[start..<min(offset, start + 40)], as: UTF8.self)
                throw fault("\(text) is no value; a text stands in quotes")
            }
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func skipString(until end: StaticString, escapes: Bool) throws(SettingsFault) {
        while peek() != nil {
            if take(end) {
                // Up to two quotes may stand right before the closing three.
                if end.utf8CodeUnitCount == 3 {
                    for _ in 0..<2 where peek() == end.utf8Start.pointee { advance(1) }
                }
                return
            }
            if end.utf8CodeUnitCount == 1, peek() == 0x0A { break }
            if escapes, take("\\") {
                if take("u0000") || take("U00000000") { throw fault("a text may not have a zero character") }
            }
            advance(1)
        }
        throw fault("a text has no closing quote")
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func endsValue(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#"): true
        default: false
        }
    }

    func fault(_ message: String) -> SettingsFault {
        SettingsFault(file: file, line: line, key: "", message: "not valid TOML: \(message)")
    }
}
