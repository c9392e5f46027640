import ArgumentParser
import Metering

/// A time as people type it: RFC 3339, a date (midnight UTC), `now`, `today` (midnight UTC), `yesterday`, or so much
/// ago or ahead: `-2h`, `-3d`, `+15m` (s, m, h, d, w).
enum TimeArgument: Hashable, ExpressibleByArgument {
    case at(WallTime)
    /// Milliseconds from now.
    case shifted(Int64)
    /// Midnight UTC so many days from today.
    case day(Int64)

    static let allowed = "2026-03-02T07:30:00Z, 2026-03-02, now, today, yesterday, -2h, -3d, +15m"

    init?(argument: String) {
        switch argument {
        case "now": self = .shifted(0)
        case "today": self = .day(0)
        case "yesterday": self = .day(-1)
        default:
            if let shift = Self.shift(argument) {
                self = .shifted(shift)
            } else if let time = WallTime(text: argument) {
                self = .at(time)
            } else {
                return nil
            }
        }
    }

    /// For help texts.
    var defaultValueDescription: String { self == .shifted(0) ? "now" : "\(self)" }

    /// The instant it means when the clock shows `now`.
    func time(now: WallTime) -> WallTime {
        switch self {
        case .at(let time): time
        case .shifted(let milliseconds): now + milliseconds
        case .day(let days): WallTime(seconds: (now.seconds.flooredQuotient(by: 86_400) + days) * 86_400)
        }
    }

    /// A signed number and a unit, at most 100 years.
    private static func shift(_ text: String) -> Int64? {
        guard let sign = text.first, sign == "-" || sign == "+", let letter = text.last else { return nil }
        let seconds: Int64
        switch letter {
        case "s": seconds = 1
        case "m": seconds = 60
        case "h": seconds = 3600
        case "d": seconds = 86_400
        case "w": seconds = 604_800
        default: return nil
        }
        let digits = text.dropFirst().dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int64(digits) else {
            return nil
        }
        let (total, overflow) = count.multipliedReportingOverflow(by: seconds)
        guard !overflow, total <= 36_525 * 86_400 else { return nil }
        return (sign == "-" ? -1000 : 1000) * total
    }
}

/// A span of time `(from, to]`, and how it is cut into pieces that the daemon answers in one line.
struct TimeSpan: Equatable {
    var from: WallTime
    var to: WallTime

    /// - Parameter from: nil for a day before the end.
    init(from: TimeArgument?, to: TimeArgument, now: WallTime) throws(CommandFailure) {
        self.to = to.time(now: now)
        self.from = from?.time(now: now) ?? self.to + -86_400_000
        guard self.from < self.to else {
            throw .usage("--from must be before --to", hint: "allowed are \(TimeArgument.allowed)")
        }
    }

    init(from: WallTime, to: WallTime) {
        self.from = from
        self.to = to
    }

    /// Consecutive pieces of at most `milliseconds`.
    func pieces(of milliseconds: Int64) -> [TimeSpan] {
        var pieces: [TimeSpan] = []
        var start = from
        while start < to {
            let end = min(start + milliseconds, to)
            pieces.append(TimeSpan(from: start, to: end))
            start = end
        }
        return pieces
    }

    /// As parameters of a method.
    var parameters: JSONObject { ["from": .string(from.text), "to": .string(to.text)] }
}
