import ArgumentParser
import Intervals
import Metering

/// `meterside nem12 export --nmi NMI --from D --to D`
struct Nem12ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the intervals of a connection point as a NEM12 file.",
        discussion: """
            Days are market days (UTC+10, no daylight saving) and inclusive: \(DayArgument.allowed). An \
            instant such as 2026-03-02T14:00:00Z is the day it lies in, as --to the day it ends. Quality flags, \
            methods and reasons are this box's own statement, not a metering data provider's; the update time is \
            the time of the export. Until a meter was exchanged (`meter replace`) the values are the old meter's. \
            An interval without data is written as N with its reason; a day that is not \
            over is refused.
            """)

    @Option(name: .long, help: "The connection point, 10 characters, or 11 with its check digit.")
    var nmi: String

    @Option(name: .long, parsing: .unconditional, help: "The first day.")
    var from = DayArgument.shifted(-1)

    @Option(name: .long, parsing: .unconditional, help: "The last day.")
    var to = DayArgument.shifted(-1)

    @Option(name: .long, help: "Make this file (default: the file goes to stdout).")
    var out: String?

    @Option(
        name: .long,
        help: "Only the meter with this serial number, may be repeated (default: the NMI's meter with the role grid).")
    var meter: [String] = []

    @Option(name: .long, help: "Who sends: the FromParticipant of the file.")
    var fromParticipant = "METERSIDE"

    @Option(name: .long, help: "Who receives: the ToParticipant of the file.")
    var toParticipant = "CUSTOMER"

    @OptionGroup var socket: SocketOption

    /// Longest export, days.
    private static let mostDays = 1100

    func run() throws {
        let nmi: NMI
        do throws(NMIError) { nmi = try NMI(self.nmi) } catch {
            throw CommandFailure.usage("\"\(self.nmi)\" is no NMI: \(error)", hint: "it stands on the bill")
        }
        let daemon = try socket.connect()
        let now = try daemon.now()
        let days = try days(now)
        var export = Nem12Export(nmi: nmi, days: days, now: now)
        let listed = try daemon.call("meter.list").items("meters")
        let past = try MeterPast(daemon)
        for serial in try Nem12Export.meters(listed, nmi: nmi, chosen: meter) {
            for day in days {
                Terminal.progress("reading meter \(serial), \(Nem12File.date(day))")
                let span = Nem12Export.span(of: day)
                var intervals = try IntervalListCommand.intervals(daemon, serial, nil, span)
                for old in past.before(serial, after: span.from) {
                    let older = try IntervalListCommand.intervals(daemon, old, nil, span)
                    if !older.isEmpty { export.note(old, before: serial) }
                    intervals = MeterPast.joined(intervals, after: older)
                }
                try export.add(intervals, meter: serial, day: day)
            }
        }
        Terminal.progress("")
        let bytes = try export.file(from: fromParticipant, to: toParticipant)
        if let out {
            try FileAccess.create(out, mode: 0o644, bytes)
        } else {
            Terminal.out(bytes)
        }
        Terminal.error(export.remarks(out))
    }

    private func days(_ now: WallTime) throws(CommandFailure) -> ClosedRange<Int> {
        let first = from.day(now: now)
        let last = to.day(now: now, ends: true)
        guard first <= last else {
            throw .usage("--from must not be after --to", hint: "days are \(DayArgument.allowed)")
        }
        guard last - first < Self.mostDays else {
            throw .usage("more than \(Self.mostDays) days at once", hint: "export them in several files")
        }
        let today = DayArgument.shifted(0).day(now: now)
        guard last < today else {
            throw .usage(
                "\(Nem12File.date(last)) is not over yet: a NEM12 file holds whole market days (UTC+10)",
                hint: "the last day that is over is \(Nem12File.date(today - 1))")
        }
        return first...last
    }
}

/// A market day as people type it: `2026-03-02`, `yesterday`, or so many days ago, `-7d`; or an instant in RFC 3339,
/// which means the day it lies in.
enum DayArgument: Hashable, ExpressibleByArgument {
    /// Days since 1970.
    case on(Int)
    case at(WallTime)
    /// Days from today.
    case shifted(Int)

    static let allowed = "2026-03-02, yesterday, -7d"

    init?(argument: String) {
        if argument == "today" || argument == "yesterday" {
            self = .shifted(argument == "today" ? 0 : -1)
        } else if argument.utf8.count == 10, let midnight = WallTime(text: argument) {
            self = .on(Int(midnight.seconds.flooredQuotient(by: 86_400)))
        } else if argument.first == "-", argument.last == "d", let days = Int(argument.dropFirst().dropLast()),
            (0...36_525).contains(days)
        {
            self = .shifted(-days)
        } else if argument.utf8.count > 10, let time = WallTime(text: argument) {
            self = .at(time)
        } else {
            return nil
        }
    }

    /// For help texts.
    var defaultValueDescription: String { self == .shifted(-1) ? "yesterday" : "\(self)" }

    /// Days since 1970 in market time.
    /// - Parameter ends: for an instant that is the end of a span: midnight belongs to the day before it.
    func day(now: WallTime, ends: Bool = false) -> Int {
        switch self {
        case .on(let day): day
        case .at(let time):
            Int(
                (time.milliseconds + MarketTime.offset * 1000 - (ends ? 1 : 0)).flooredQuotient(by: 86_400_000))
        case .shifted(let days): Int((now.seconds + MarketTime.offset).flooredQuotient(by: 86_400)) + days
        }
    }
}
