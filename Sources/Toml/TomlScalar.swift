/// The forms a TOML value without quotes may have (TOML 1.0). They are checked before TOMLKit sees the text, because
/// some malformed dates end the process in an assertion of toml++.
enum TomlScalar {
    /// Whether `bytes` is a boolean, an integer, a float, a date or a time.
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.elementsEqual("true".utf8) || bytes.elementsEqual("false".utf8) { return true }
        return isPrefixedInteger(bytes) || isNumber(bytes) || isDateOrTime(bytes)
    }

    /// `0xFF`, `0o17`, `0b101`.
    private static func isPrefixedInteger(_ bytes: ArraySlice<UInt8>) -> Bool {
        let digits = bytes.dropFirst(2)
        if bytes.starts(with: "0x".utf8) {
            return areDigits(digits) { isDigit($0) || (0x41...0x46).contains($0 & 0xDF) }
        }
        if bytes.starts(with: "0o".utf8) { return areDigits(digits) { (0x30...0x37).contains($0) } }
        if bytes.starts(with: "0b".utf8) { return areDigits(digits) { $0 == 0x30 || $0 == 0x31 } }
        return false
    }

    /// A decimal integer or a float, `inf` and `nan` included.
    private static func isNumber(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest = rest.dropFirst() }
        if rest.elementsEqual("inf".utf8) || rest.elementsEqual("nan".utf8) { return true }
        let whole = rest.prefix { isDigit($0) || $0 == UInt8(ascii: "_") }
        guard areDigits(whole, isDigit), whole.count == 1 || whole.first != 0x30 else { return false }
        rest = rest.dropFirst(whole.count)
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix { isDigit($0) || $0 == UInt8(ascii: "_") }
            guard areDigits(fraction, isDigit) else { return false }
            rest = rest.dropFirst(1 + fraction.count)
        }
        if let mark = rest.first, mark & 0xDF == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest = rest.dropFirst() }
            return areDigits(rest, isDigit)
        }
        return rest.isEmpty
    }

    /// `2026-03-02`, `07:30:00`, or both with `T` or a space between and perhaps a zone; ranges are TOMLKit's business.
    private static func isDateOrTime(_ bytes: ArraySlice<UInt8>) -> Bool {
        // At most nine digits of fraction are of use; a zone has at most six characters.
        guard bytes.count <= 35 else { return false }
        var shape = bytes.map { isDigit($0) ? UInt8(ascii: "0") : $0 }[...]
        let hasDate = shape.starts(with: "0000-00-00".utf8)
        if hasDate {
            shape = shape.dropFirst(10)
            if shape.isEmpty { return true }
            guard let divider = shape.popFirst(), divider & 0xDF == UInt8(ascii: "T") || divider == 0x20 else {
                return false
            }
        }
        guard shape.starts(with: "00:00:00".utf8) else { return false }
        shape = shape.dropFirst(8)
        if shape.first == UInt8(ascii: ".") {
            let digits = shape.dropFirst().prefix { $0 == 0x30 }.count
            guard (1...9).contains(digits) else { return false }
            shape = shape.dropFirst(1 + digits)
        }
        if shape.isEmpty { return true }
        guard hasDate else { return false }
        return shape.elementsEqual("Z".utf8) || shape.elementsEqual("z".utf8) || shape.elementsEqual("+00:00".utf8)
            || shape.elementsEqual("-00:00".utf8)
    }

    /// Digits with single underscores between them.
    private static func areDigits(_ bytes: ArraySlice<UInt8>, _ isAllowed: (UInt8) -> Bool) -> Bool {
        var afterDigit = false
        for byte in bytes {
            if byte == UInt8(ascii: "_") {
                guard afterDigit else { return false }
                afterDigit = false
            } else {
                guard isAllowed(byte) else { return false }
                afterDigit = true
            }
        }
        return afterDigit
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
