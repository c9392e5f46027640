/// Takes passwords out of recorded bytes.
public enum EdmiRedaction {
    /// The same bytes with the password of every log-in frame replaced by as many `*`, the checksum made right again.
    /// A damaged log-in loses everything after its comma, up to the frame's end: it can still be read by a person.
    public static func redact(_ wire: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < wire.count {
            guard wire[index] == EdmiFrame.stx else {
                result.append(wire[index])
                index += 1
                continue
            }
            var end = index + 1
            while end < wire.count, wire[end] != EdmiFrame.stx, wire[end] != EdmiFrame.etx { end += 1 }
            if end < wire.count, wire[end] == EdmiFrame.etx { end += 1 }
            result.append(contentsOf: redactFrame([UInt8](wire[index..<end])))
            index = end
        }
        return result
    }

    /// Whether a frame body is a log-in, plain or addressed.
    public static func isLogin(_ body: [UInt8]) -> Bool { passwordStart(body) != nil }

    private static func redactFrame(_ frame: [UInt8]) -> [UInt8] {
        if let body = try? EdmiFrame.decode(frame) {
            guard let start = passwordStart(body) else { return frame }
            let end = body.last == 0 ? body.count - 1 : body.count
            var clean = body
            for index in start..<max(start, end) { clean[index] = UInt8(ascii: "*") }
            return EdmiFrame.encode(clean)
        }
        // Without a right checksum the letters still are what they are.
        let letter = frame.count > 1 && frame[1] == EdmiEnvelope.mark ? nil : frame.dropFirst().first
        guard letter == nil || letter == 0x4C, let comma = frame.firstIndex(of: UInt8(ascii: ",")),
            letter != nil || frame[..<comma].contains(0x4C)
        else { return frame }
        return frame.indices.map { index in
            index <= comma || frame[index] == EdmiFrame.etx ? frame[index] : UInt8(ascii: "*")
        }
    }

    /// Where the password begins in a log-in's body; nil for any other body.
    private static func passwordStart(_ body: [UInt8]) -> Int? {
        let offset = EdmiEnvelope(body: body) == nil ? 0 : EdmiEnvelope.headerLength
        guard body.count > offset, body[offset] == 0x4C else { return nil }
        return body[offset...].firstIndex(of: UInt8(ascii: ",")).map { $0 + 1 }
    }
}
