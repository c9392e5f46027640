import Drivers

/// Takes passwords out of EDMI bytes before they are captured.
enum PasswordMask {
    static let frameEnd: UInt8 = 0x03
    private static let frameStart: UInt8 = 0x02
    private static let comma = UInt8(ascii: ",")
    private static let star = UInt8(ascii: "*")
    /// Shortest run of text taken for a secret in damaged bytes.
    private static let shortestText = 4

    /// The bytes of one frame, with what stood before it, if any. In damaged bytes, where a log-in cannot be told from
    /// anything else, all text goes that could be a part of a password.
    static func frame(_ bytes: [UInt8]) -> [UInt8] {
        guard let start = bytes.lastIndex(of: frameStart), (try? EdmiFrame.decode([UInt8](bytes[start...]))) != nil
        else { return damaged(bytes) }
        return damaged([UInt8](bytes[..<start])) + EdmiRedaction.redact([UInt8](bytes[start...]))
    }

    /// Text after a comma and all longer text becomes stars, since any of it may have been a log-in.
    private static func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        var runStart = 0
        var isAfterComma = false
        for index in 0...bytes.count {
            if index < bytes.count, (0x20...0x7E).contains(bytes[index]) {
                if isAfterComma { result[index] = star }
                isAfterComma = isAfterComma || bytes[index] == comma
                continue
            }
            if index - runStart >= shortestText {
                for position in runStart..<index { result[position] = star }
            }
            runStart = index + 1
        }
        return result
    }
}
