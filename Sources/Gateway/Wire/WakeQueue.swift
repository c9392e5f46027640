import Metering

/// When each of a fixed number of subjects wants its next turn: the earliest in O(1), a change in O(log n).
struct WakeQueue: Sendable {
    /// The time of each subject; entries of the heap that say otherwise are stale.
    private var times: [Uptime?]
    private var heap = BinaryHeap<Entry>()

    private struct Entry: Comparable, Sendable {
        var at: Uptime
        var subject: Int

        static func < (left: Entry, right: Entry) -> Bool {
            (left.at, left.subject) < (right.at, right.subject)
        }
    }

    init(count: Int) { times = Array(repeating: nil, count: count) }

    /// The earliest wish; nil when nobody waits.
    var earliest: Uptime? { heap.first?.at }

    /// When this subject wants its turn.
    func time(of subject: Int) -> Uptime? { times[subject] }

    /// Replaces the wish of a subject; nil for none.
    mutating func set(_ subject: Int, at time: Uptime?) {
        guard times[subject] != time else { return }
        times[subject] = time
        if let time { heap.insert(Entry(at: time, subject: subject)) }
        if heap.count > 4 * times.count + 16 {
            let times = times
            heap.filter { times[$0.subject] == $0.at }
        }
        dropStale()
    }

    /// Takes the next subject whose time has come; its wish is used up.
    mutating func popDue(at now: Uptime) -> Int? {
        guard let first = heap.first, first.at <= now else { return nil }
        _ = heap.popFirst()
        times[first.subject] = nil
        dropStale()
        return first.subject
    }

    private mutating func dropStale() {
        while let first = heap.first, times[first.subject] != first.at { _ = heap.popFirst() }
    }
}
