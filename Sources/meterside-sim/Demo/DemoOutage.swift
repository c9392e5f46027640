import Metering
import Simulator

/// One meter's plug is pulled for simulated hours and put back: what it counted meanwhile comes from its own load
/// survey, and nobody's live values wait for that.
struct DemoOutage {
    /// Simulated seconds without the meter.
    static let length: Int64 = 7200
    /// Real milliseconds: at this speed two seconds of waiting for a meter that is out would be minutes of its wire.
    static let timeout = 60
    /// Live values are polled this often, simulated seconds; a pause is told beside it.
    private static let poll: Int64 = 30

    private enum Phase {
        case waiting
        case out(until: WallTime)
        case back
        case over
    }

    let serial: String
    private let speed: Int64
    private var phase = Phase.waiting
    private var lacking = 0
    private var summaryText: String?

    init(serial: String, speed: Int64) {
        self.serial = serial
        self.speed = speed
    }

    /// What the demonstration did not see of it; nil when it saw everything.
    var missing: String? {
        if case .over = phase { return nil }
        return "the intervals of meter \(serial)'s outage did not come back"
    }

    /// For the end of the demonstration.
    var summary: String? { summaryText.map { "demo: \($0)" } }

    /// Looks at the picture and goes on when it is time; gives what is to be told and what the board is to do.
    mutating func look(_ picture: inout DemoPicture, now: WallTime) -> (line: String, order: BoardOrder?)? {
        guard let meter = picture.meters.first(where: { $0.serial == serial }) else { return nil }
        switch phase {
        case .waiting:
            guard picture.meters.allSatisfy({ $0.state == "live" && $0.intervalCount >= 3 }) else { return nil }
            phase = .out(until: now + Self.length * 1000)
            picture.forgetPauses()
            return (
                "outage: meter \(serial) is unplugged for \(Self.length / 3600) simulated hours",
                .silent(serial: serial, seconds: Self.length)
            )
        case .out(let until):
            guard now >= until else { return nil }
            phase = .back
            picture.forgetPauses()
            lacking = meter.lacking
            return ("outage: meter \(serial) is plugged in again and lacks \(lacking) intervals", nil)
        case .back:
            lacking = max(lacking, meter.lacking)
            guard meter.state == "live", meter.lacking == 0, meter.filled > 0 else { return nil }
            phase = .over
            let pause = picture.meters.filter { $0.serial != serial }.map(\.longestPause).max() ?? 0
            let real = pause * 1000 / speed
            let text =
                "outage of meter \(serial): \(meter.filled) intervals came back as actuals from its load survey; "
                + "the others' live values came every \(Self.poll) s meanwhile, at worst \(pause) s (\(real) ms real)"
            summaryText = text
            return ("outage over: \(meter.filled) intervals of \(serial) came from its load survey", nil)
        case .over: return nil
        }
    }
}
