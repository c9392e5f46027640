/// The configuration that fits a simulated board, as a person would write it.
public struct StarterConfiguration: Sendable {
    public var box: String
    /// `mqtt://127.0.0.1:1883`; nil leaves the section out, as a comment.
    public var mqtt: String?
    public var intervalMinutes = 5
    /// Without the pauses that a real wire needs before a request: they are real time, and when the board's time runs
    /// faster they would take too much of it.
    public var skipsTurnaround = false
    public var pollSeconds = 30
    /// How long a reply is waited for, real milliseconds; nil leaves it to the model. When the board's time is faster,
    /// an ordinary time-out is minutes of it.
    public var timeout: Int?
    /// Beside the configuration.
    public var passwordFile = "reader.password"
    /// Where the pages of the first payment unit are written; nil for no display.
    public var display: String?
    /// The longest random delay of a disconnection, seconds; nil leaves it to the daemon.
    public var remoteDelay: Int64?

    public init(box: String, mqtt: String?) {
        self.box = box
        self.mqtt = mqtt
    }

    /// The text of `meterside.toml`; `device` gives the path of a port.
    public func text(for plan: BoardPlan, device: (BoardPort) -> String) -> String {
        var text = """
            # Made by meterside-sim for its simulated board. Change it as you like; `metersided --check` reads it.

            [box]
            id = "\(box)"
            board = "simulated"
            zone = "Australia/Brisbane"
            currency = "AUD"
            interval_minutes = \(intervalMinutes)


            """
        if let mqtt {
            text += """
                [mqtt]
                url = "\(mqtt)"


                """
        } else {
            text += """
                # To send to a broker on this machine (mosquitto), take the marks away:
                # [mqtt]
                # url = "mqtt://127.0.0.1:1883"


                """
        }
        for port in plan.ports { text += section(port, device: device(port)) }
        for port in plan.ports {
            for meter in port.meters { text += section(meter, on: port) }
        }
        for port in plan.ports {
            for relay in port.relays { text += section(relay, on: port) }
        }
        for (index, relay) in plan.relays.enumerated() { text += unit(index, relay, plan) }
        return text
    }

    private func section(_ relay: BoardRelay, on port: BoardPort) -> String {
        """
        [[switch]]
        name = "\(relay.name)"
        driver = "modbus-coil"
        port = "\(port.name)"
        unit = \(relay.unit)
        coil = \(BoardRelay.coil)
        feedback_input = \(BoardRelay.feedback)\(remoteDelay.map { "\nremote_delay_seconds = \($0)" } ?? "")


        """
    }

    private func unit(_ index: Int, _ relay: BoardRelay, _ plan: BoardPlan) -> String {
        let port = plan.ports.first { $0.relays.contains(relay) }?.name ?? ""
        let inputs = RelayButton.allCases.map { String($0.input) }.joined(separator: ",")
        var lines = [
            "[[unit]]", "id = \"unit-\(index + 1)\"", "meters = [\"\(relay.meter)\"]", "switch = \"\(relay.name)\"",
            "buttons = \"modbus:\(port):\(relay.unit):\(inputs)\"",
        ]
        if let display, index == 0 { lines.append("display = \"\(display)\"") }
        return lines.joined(separator: "\n") + "\n\n"
    }

    private func section(_ port: BoardPort, device: String) -> String {
        """
        [[port]]
        name = "\(port.name)"
        device = "\(device)"
        baud = \(port.line.baud)
        format = "\(port.line.format.rawValue)"
        protocol = "\(port.wire.rawValue)"


        """
    }

    private func section(_ meter: BoardMeter, on port: BoardPort) -> String {
        var lines = [
            "[[meter]]", "serial = \"\(meter.serial)\"", "model = \"\(meter.model)\"", "port = \"\(port.name)\"",
            "address = \(meter.address)",
        ]
        if port.wire == .edmi {
            lines += [
                "addressed = true", "user = \"\(meter.user)\"", "password_file = \"\(passwordFile)\"",
                "utc_offset = \"+10:00\"",
            ]
        }
        if let nmi = meter.nmi { lines.append("nmi = \"\(nmi)\"") }
        lines.append("poll_seconds = \(pollSeconds)")
        if let timeout { lines.append("timeout_ms = \(timeout)") }
        if skipsTurnaround { lines.append("turnaround_ms = 0") }
        return lines.joined(separator: "\n") + "\n\n"
    }
}
