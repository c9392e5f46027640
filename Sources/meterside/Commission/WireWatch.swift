import Metering

/// How reliably the meters answered since they were first asked, and what they said last.
struct WireWatch {
    /// Reads of one meter.
    struct Count: Equatable {
        var tried: Int64 = 0
        var good: Int64 = 0
    }

    /// Nil before the first read.
    private(set) var since: Uptime?
    private(set) var counts: [String: Count] = [:]
    /// The newest reading of each meter.
    private(set) var newest: [String: JSONValue] = [:]
    /// Why the last read that failed did.
    var trouble = ""

    /// A meter is about to be asked.
    mutating func begin(_ serial: String) {
        if since == nil { since = CommandLineClock.uptime() }
        counts[serial, default: Count()].tried += 1
    }

    mutating func answered(_ serial: String, _ reading: JSONValue) {
        counts[serial, default: Count()].good += 1
        newest[serial] = reading
    }

    var totals: (tried: Int64, good: Int64) {
        counts.values.reduce(into: (0, 0)) { sum, count in
            sum.0 += count.tried
            sum.1 += count.good
        }
    }

    func words(_ serial: String) -> String {
        let count = counts[serial] ?? Count()
        return "meter \(serial) answered \(count.good) of \(count.tried)"
    }
}
