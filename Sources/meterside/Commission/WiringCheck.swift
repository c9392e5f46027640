import Glibc
import Metering

/// Looks for mistakes of wiring in what a meter measures: voltages, ratios, reversed and swapped current transformers.
struct WiringCheck {
    /// What was found about one thing.
    struct Finding: Equatable {
        enum Level: String { case ok, warning, fault }

        var check: String
        var level: Level
        var message: String

        var json: JSONValue {
            ["check": .string(check), "level": .string(level.rawValue), "message": .string(message)]
        }
    }

    /// Below this a phase says nothing about its current transformer, amperes.
    private static let leastCurrent = 0.3

    let phases: Int
    let maxAmps: Double
    let role: String
    /// `sga` meters measure generation: there the energy flows the other way.
    let isGeneration: Bool
    private var values: [(name: String, value: Double)] = []

    /// - Parameter reading: an answer of `meter.read`.
    init(_ reading: JSONValue, phases: Int, maxAmps: Int, role: String) {
        self.phases = phases
        self.maxAmps = Double(maxAmps)
        self.role = role
        isGeneration = role == "sga"
        for row in reading.items("readings") {
            guard let name = row["channel"]?.string, let value = row["value"]?.string.flatMap(Double.init) else {
                continue
            }
            values.append((name, value))
        }
    }

    var findings: [Finding] {
        guard values.contains(where: { $0.name.hasPrefix("voltage_l") || $0.name == "power_w" }) else {
            return [Finding(check: "wiring", level: .warning, message: "the meter tells no voltage and no power")]
        }
        return voltages + lineVoltages + frequency + ratios + sums + directions
    }

    /// Whether the energy of every phase flows against the meter's role.
    private var isReversed: Bool {
        directions.first.map { $0.level == .warning && $0.message.hasPrefix(reversedWords) } ?? false
    }

    /// Energy flows out at the grid meter and into the generation meter at one time: nothing on a board does that, but
    /// two meters whose serials were swapped.
    static func swappedMeters(_ checks: [WiringCheck]) -> String? {
        guard checks.contains(where: { $0.role == "grid" && $0.isReversed }),
            checks.contains(where: { $0.isGeneration && $0.isReversed })
        else { return nil }
        return "energy flows out at the grid meter and into the generation meter: their serials (or roles) are "
            + "swapped, or both have their current transformers the wrong way round"
    }

    private func value(_ name: String) -> Double? { values.first { $0.name == name }?.value }

    // MARK: Voltages

    private var voltages: [Finding] {
        var findings: [Finding] = []
        for phase in 1...phases {
            guard let volts = value("voltage_l\(phase)_v") else { continue }
            let shown = Self.shown(volts)
            if volts < 46 {
                findings.append(fault("voltage", "L\(phase) has no voltage (\(shown) V): look at its fuse and lead"))
            } else if !(195.5...264.5).contains(volts) {
                findings.append(fault("voltage", "L\(phase) has \(shown) V, far from 230 V: look at the lead or ratio"))
            }
        }
        let all = (1...phases).compactMap { value("voltage_l\($0)_v") }
        if findings.isEmpty, let least = all.min(), let most = all.max() {
            let text = all.map(Self.shown).joined(separator: ", ")
            findings.append(
                most > least * 1.05
                    ? Finding(check: "voltage", level: .warning, message: "the phases differ much: \(text) V")
                    : Finding(check: "voltage", level: .ok, message: "\(text) V"))
        }
        return findings
    }

    /// Between two different phases there is √3 times the phase voltage; between a phase and itself nothing.
    private var lineVoltages: [Finding] {
        guard phases == 3 else { return [] }
        var findings: [Finding] = []
        for (one, other) in [(1, 2), (2, 3), (3, 1)] {
            guard let line = value("voltage_l\(one)_l\(other)_v"), let volts = value("voltage_l\(one)_v"), volts > 46
            else { continue }
            if line < volts * 0.3 {
                findings.append(fault("phases", "L\(one) and L\(other) are the same phase"))
            } else if abs(line - volts * 1.7320508) > volts * 0.2 {
                findings.append(
                    warning("phases", "\(Self.shown(line)) V between L\(one) and L\(other) is no three-phase voltage"))
            }
        }
        let rotation =
            switch value("phase_rotation").map({ $0 > 0 }) {
            case true?: Finding(check: "rotation", level: .ok, message: "L1, L2, L3")
            case false?: fault("rotation", "the phases follow the other way round: swap two of them, with their CTs")
            case nil:
                warning("rotation", "this meter does not tell the phase rotation: look at it with a rotation tester")
            }
        return findings + [rotation]
    }

    private var frequency: [Finding] {
        guard let hertz = value("frequency_hz") else { return [] }
        return (47...52).contains(hertz)
            ? [] : [fault("frequency", "\(Self.shown(hertz)) Hz is no mains frequency: look at scale and model")]
    }

    // MARK: Currents

    private var ratios: [Finding] {
        var findings: [Finding] = []
        for phase in 1...phases {
            guard let amps = value("current_l\(phase)_a") else { continue }
            if abs(amps) > maxAmps {
                findings.append(
                    fault(
                        "ratio",
                        "L\(phase) carries \(Self.shown(amps)) A, more than the connection can "
                            + "(\(Self.shown(maxAmps)) A): look at the current transformer ratio"))
            }
            guard let volts = value("voltage_l\(phase)_v"), let watts = value("power_l\(phase)_w") else { continue }
            if abs(watts) > abs(volts * amps) * 1.1 + 20 {
                findings.append(
                    fault(
                        "ratio",
                        "L\(phase) measures \(Self.shown(watts)) W at \(Self.shown(volts * amps)) VA: "
                            + "look at the ratios of voltage and current"))
            }
        }
        return findings
    }

    private var sums: [Finding] {
        let parts = (1...phases).compactMap { value("power_l\($0)_w") }
        guard parts.count == phases, let total = value("power_w") else { return [] }
        let sum = parts.reduce(0, +)
        // The registers were not read at one instant.
        guard abs(sum - total) > max(100, abs(total) * 0.15) else { return [] }
        return [
            warning("sum", "the phases sum to \(Self.shown(sum)) W, the meter says \(Self.shown(total)) W: read again")
        ]
    }

    // MARK: Directions

    private var reversedWords: String {
        isGeneration ? "energy flows in: no generation now, or" : "energy flows out: generation now, or"
    }

    /// Degrees that a mistake turns each phase by, and what it is.
    private var patterns: [(turns: [Double], level: Finding.Level, words: String)] {
        let base: Double = isGeneration ? 180 : 0
        var patterns: [([Double], Finding.Level, String)] = [
            ([0, 0, 0], .ok, isGeneration ? "energy flows out, as it should" : "energy flows in, as it should")
        ]
        for phase in 0..<phases where phases > 1 {
            var turns = [0.0, 0, 0]
            turns[phase] = 180
            patterns.append((turns, .fault, "the current transformer of L\(phase + 1) is reversed"))
        }
        if phases == 3 {
            for (one, other) in [(0, 1), (1, 2), (0, 2)] {
                for sign in [1.0, -1] {
                    var turns = [0.0, 0, 0]
                    (turns[one], turns[other]) = (120 * sign, -120 * sign)
                    patterns.append(
                        (turns, .fault, "the current transformers of L\(one + 1) and L\(other + 1) are swapped"))
                }
            }
            for sign in [1.0, -1] {
                patterns.append(
                    (Array(repeating: 120 * sign, count: 3), .fault, "all current transformers sit one phase further"))
            }
            for phase in 0..<3 {
                var turns = [180.0, 180, 180]
                turns[phase] = 0
                let others = (0..<3).filter { $0 != phase }.map { "L\($0 + 1)" }.joined(separator: " and ")
                patterns.append((turns, .fault, "the current transformers of \(others) are reversed"))
            }
        }
        patterns.append(
            ([180, 180, 180], .warning, "\(reversedWords) import and export are swapped (swap_import_export)"))
        return patterns.map { (turns: $0.map { $0 + base }, level: $1, words: $2) }
    }

    private var directions: [Finding] {
        var angles: [(phase: Int, degrees: Double)] = []
        for phase in 1...phases { if let degrees = angle(phase) { angles.append((phase, degrees)) } }
        guard !angles.isEmpty else {
            return [
                warning(
                    "direction",
                    "too little load to see the direction of the currents: switch something on "
                        + "(\(Self.shown(Self.leastCurrent)) A a phase) and run this step again")
            ]
        }
        // An ordinary load is within 50 degrees; of the mistakes that fit, the one that fits best.
        var fitting: (turns: [Double], level: Finding.Level, words: String)?
        var least = 50.0
        for pattern in patterns {
            let worst = angles.map { abs(Self.turned($0.degrees - pattern.turns[$0.phase - 1])) }.max() ?? 180
            if worst < least { (fitting, least) = (pattern, worst) }
        }
        var findings: [Finding] = []
        if let fitting {
            findings.append(Finding(check: "direction", level: fitting.level, message: fitting.words))
        } else {
            let text = angles.map { "L\($0.phase) \(Self.shown($0.degrees))°" }.joined(separator: ", ")
            findings.append(warning("direction", "the angles fit no single mistake: \(text)"))
        }
        if angles.count < phases {
            let seen = angles.map { "L\($0.phase)" }.joined(separator: ", ")
            findings.append(warning("direction", "only \(seen) carries enough current to be judged"))
        }
        return findings
    }

    /// The angle from voltage to current, degrees; nil where there is too little current to tell.
    private func angle(_ phase: Int) -> Double? {
        guard let amps = value("current_l\(phase)_a"), abs(amps) >= Self.leastCurrent,
            let watts = value("power_l\(phase)_w")
        else { return nil }
        if let vars = value("reactive_l\(phase)_var") { return atan2(vars, watts) * 180 / .pi }
        guard let volts = value("voltage_l\(phase)_v"), volts > 46 else { return watts < 0 ? 180 : 0 }
        // Without reactive power the sign of the angle is not known.
        return acos(min(max(watts / (volts * abs(amps)), -1), 1)) * 180 / .pi
    }

    /// An angle between −180 and 180.
    private static func turned(_ degrees: Double) -> Double {
        var degrees = degrees.truncatingRemainder(dividingBy: 360)
        if degrees > 180 { degrees -= 360 }
        if degrees < -180 { degrees += 360 }
        return degrees
    }

    private func fault(_ check: String, _ message: String) -> Finding {
        Finding(check: check, level: .fault, message: message)
    }

    private func warning(_ check: String, _ message: String) -> Finding {
        Finding(check: check, level: .warning, message: message)
    }

    /// One decimal.
    private static func shown(_ value: Double) -> String {
        let tenths = (value * 10).rounded()
        guard tenths.magnitude < 1e12 else { return "\(value)" }
        let whole = Int64(tenths)
        return "\(whole < 0 ? "-" : "")\(whole.magnitude / 10).\(whole.magnitude % 10)"
    }
}
