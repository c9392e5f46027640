import Journal
import Metering

/// Publishes ranges of records on `journal`, as much at a time as the transport takes.
struct JournalSender {
    /// Contract §3: at most this many records and bytes in one message.
    static let recordLimit = 200
    static let byteLimit = 64 << 10

    private var ranges: [ClosedRange<Int64>] = []
    private var retryAt: Uptime?
    private let frame: (head: [UInt8], tail: [UInt8])

    init(box: String) {
        var writer = JSONWriter()
        writer.raw("{\"box\":")
        writer.write(box)
        writer.raw(",\"records\":[")
        frame = (writer.bytes, Array("]}".utf8))
    }

    /// When to try again after the transport was full.
    var nextWake: Uptime? { ranges.isEmpty ? nil : retryAt }

    /// Adds a range; ranges that follow each other become one.
    mutating func add(from: Int64, through: Int64) {
        guard from <= through else { return }
        if let last = ranges.last, from >= last.lowerBound, from <= last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, through)
        } else {
            ranges.append(from...through)
        }
    }

    /// Forgets everything: the connection is gone, and what has no receipt is asked for again.
    mutating func removeAll() { ranges = [] }

    /// Publishes until all is sent or the transport is full.
    mutating func pump(
        _ journal: JournalStore, at now: Uptime, publish: (_ topic: String, _ payload: [UInt8]) -> Bool
    ) throws(JournalError) {
        retryAt = nil
        while let range = ranges.first {
            let lines = try journal.lines(
                from: range.lowerBound, through: range.upperBound, limit: Self.recordLimit,
                maxBytes: Self.byteLimit - frame.head.count - frame.tail.count)
            guard !lines.isEmpty else {
                ranges.removeFirst()
                continue
            }
            guard publish("journal", message(lines)) else {
                retryAt = now + 100_000
                return
            }
            let next = range.lowerBound + Int64(lines.count)
            if next > range.upperBound { ranges.removeFirst() } else { ranges[0] = next...range.upperBound }
        }
    }

    private func message(_ lines: [[UInt8]]) -> [UInt8] {
        var bytes = frame.head
        bytes.reserveCapacity(Self.byteLimit)
        for (index, line) in lines.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += line
        }
        return bytes + frame.tail
    }
}
