import Metering

/// The cloud application of the world: it stores records by sequence and acknowledges, a little later, what it holds
/// without a gap.
public struct WorldCloud: Hashable, Sendable {
    /// From a record's arrival to its receipt, microseconds.
    static let delay: Int64 = 400_000

    public private(set) var isConnected = false
    /// It holds every record up to here.
    public private(set) var upTo: Int64 = 0
    /// Records that arrived again.
    public private(set) var repeats: Int64 = 0
    /// Live values that arrived.
    public var liveCount: Int64 = 0

    mutating func connect() { isConnected = true }
    mutating func disconnect() { isConnected = false }

    /// Records arrive; a gap before them means that a window was lost, and they are not kept.
    mutating func receive(from: Int64, to: Int64) {
        guard isConnected, from <= upTo + 1 else { return }
        repeats += max(0, min(to, upTo) - from + 1)
        upTo = max(upTo, to)
    }

    /// The broker and the cloud were set up anew and hold nothing beyond what they acknowledged.
    mutating func forget(to seq: Int64) { upTo = min(upTo, seq) }

    var receipt: [UInt8] { JSONWriter.compact(["upto": .integer(upTo)]) }
}
