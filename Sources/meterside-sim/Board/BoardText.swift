import Drivers
import Simulator

/// What the board says about itself.
enum BoardText {
    /// The meters, port by port.
    static func meters(of plan: BoardPlan) -> [String] {
        plan.ports.flatMap { port in ["port \(port.name)  \(port.wire.rawValue) \(port.line.text)"] + meters(of: port) }
    }

    /// What runs, and how to stop it.
    static func running(_ board: Board) -> [String] {
        var lines = [
            "The simulated board is running. Ctrl-C stops it; type \"help\" for what can go wrong with it.", "",
        ]
        if board.clock.scale > 1 { lines[0] += " Time runs \(board.clock.scale) times faster." }
        for place in board.places {
            lines.append(
                "port \(place.port.name)  \(place.serial.link)  (\(place.serial.device))  "
                    + "\(place.port.wire.rawValue) \(place.port.line.text)")
            for (what, line) in place.tcp { lines.append("        tcp = \"127.0.0.1:\(line.port)\"  \(what)") }
            lines += meters(of: place.port)
        }
        return lines + [""]
    }

    /// The commands to type next.
    static func nextSteps(_ files: StarterFiles, _ board: Board, _ starter: StarterConfiguration) -> [String] {
        let bin = Folder.shortOfExecutable()
        let serial = board.plan.ports.first?.meters.first?.serial ?? ""
        var lines = [
            "A configuration for this board is in \(files.configuration).", "In a second terminal, here:", "",
            "  \(bin)/metersided --config \(files.configuration) \\",
            "    --state \(files.state) --runtime \(files.runtime)",
        ]
        if board.clock.scale > 1 {
            lines[4] += " \\"
            lines.append("    --time-scale \(board.clock.scale) --time-anchor \(board.clock.anchor)")
        }
        lines += [
            "", "and in a third:", "", "  export METERSIDE_SOCKET=\(files.socket)", "  \(bin)/meterside status",
            "  \(bin)/meterside meter read \(serial)",
            "  \(bin)/meterside interval list --meter \(serial)   # after the next full 5 minutes",
        ]
        if !board.plan.relays.isEmpty { lines.append("  \(bin)/meterside supply show unit-1") }
        if let url = starter.mqtt { lines.append("  \(bin)/meterside-sim cloud --box \(starter.box) --url \(url)") }
        return lines + [""]
    }

    private static func meters(of port: BoardPort) -> [String] {
        var lines = port.meters.prefix(4).map { meter in
            let login =
                port.wire == .edmi
                ? "address \(meter.address), log-in \(meter.user) / \(meter.password)" : "unit \(meter.address)"
            return "        \(meter.serial)  \(meter.model)  \(login)"
        }
        if port.meters.count > 4 { lines.append("        and \(port.meters.count - 4) more") }
        for relay in port.relays {
            lines.append(
                "        \(relay.name)  unit \(relay.unit), coil 0, feedback input 0; supply of \(relay.meter)")
        }
        return lines
    }
}
