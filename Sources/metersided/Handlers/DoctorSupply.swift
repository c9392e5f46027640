import Gateway
import Metering

/// What `doctor` says of switches, displays and the board.
extension MainLoop {
    func supplyFindings(_ configuration: DaemonConfiguration) -> [Finding] {
        var findings: [Finding] = []
        for unit in configuration.gateway.units {
            guard let name = unit.loadSwitch else {
                findings.append(
                    Finding(
                        name: "unit \(unit.id)", state: .ok, message: "has no switch: it keeps the account alone"))
                continue
            }
            // A meter's own relay is told of with the sections that are not acted on.
            let driver = configuration.gateway.switches.first { $0.name == name }?.driver
            if case .meterRegister? = driver { continue }
            findings.append(switchFinding(name, unit: unit.id))
        }
        for loadSwitch in configuration.gateway.switches
        where !configuration.gateway.units.contains(where: { $0.loadSwitch == loadSwitch.name }) {
            findings.append(
                Finding(
                    name: "switch \(loadSwitch.name)", state: .warning, message: "belongs to no unit",
                    hint: "write switch = \"\(loadSwitch.name)\" in a [[unit]], or take the [[switch]] out"))
        }
        for (display, why) in displays.faults {
            findings.append(Finding(name: "display of \(display.unit)", state: .warning, message: why))
        }
        return findings
    }

    private func switchFinding(_ name: String, unit: String) -> Finding {
        let supply = ask(.supplyShow(unit)) ?? .null
        let ordered = supply["ordered"]?.string
        let observed = supply["observed"]?.string
        let place = "switch \(name)"
        guard let observed else {
            return Finding(
                name: place, state: .fault, message: "does not say whether it is open or closed",
                hint: "look at its power, its wiring and [[switch]] \(name); the log says what is wrong with its port")
        }
        if supply["self_opened"]?.bool == true {
            return Finding(
                name: place, state: .fault, message: "opened, and nobody had ordered that",
                hint: "look whether something tripped it before it is closed again")
        }
        // Armed is open, too.
        if let ordered, (ordered == "connected") != (observed == "connected") {
            return Finding(
                name: place, state: .fault, message: "is \(observed), but was ordered \(ordered)",
                hint: "look at the relay and its feedback contact, then `meterside supply test \(unit)`")
        }
        guard supply["enabled"]?.bool == true else {
            return Finding(
                name: place, state: .warning, message: "is \(observed); disconnection of \(unit) is not enabled",
                hint: "`meterside supply test \(unit)`, then the command omnipower_set enables it")
        }
        return Finding(name: place, state: .ok, message: "is \(observed)")
    }

    /// Boards are data for people and for `commission`: one that is not known stops nothing.
    func boardFindings(_ configuration: DaemonConfiguration) -> [Finding] {
        guard let share = ShareFolder.find(options.share), configuration.board != "simulated" else { return [] }
        let names = FilePath.names(in: share + "/boards", endingIn: ".toml").map { String($0.dropLast(5)) }
        let board = configuration.board
        guard !names.isEmpty, !names.contains(where: { $0 == board || $0.hasPrefix(board + "-") }) else { return [] }
        return [
            Finding(
                name: "board", state: .warning, message: "there is no board \"\(board)\" in \(share)/boards",
                hint: "known are \(names.joined(separator: ", "))")
        ]
    }
}
