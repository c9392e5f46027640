import Bus
import Control
import Drivers
import Gateway
import Metering

/// Clients that watch the frames of a port.
struct Captures {
    private struct Watch {
        var token: UInt64
        var port: PortID
        var until: Uptime?
        var frames: Int64 = 0
    }

    private var watches: [Watch] = []
    private var lost: Int64 = 0

    /// When the next one is over.
    var nextWake: Uptime? { watches.compactMap(\.until).min() }

    mutating func add(_ token: UInt64, port: PortID, until: Uptime?) {
        watches.append(Watch(token: token, port: port, until: until))
    }

    mutating func tell(_ frame: CapturedFrame, through server: ControlServer) {
        for index in watches.indices where watches[index].port == frame.port {
            watches[index].frames += 1
            server.progress(
                watches[index].token,
                [
                    "frame": [
                        "us": .integer(frame.at.uptime.microseconds), "dir": .string(frame.direction.rawValue),
                        "hex": .string(Hexadecimal.text(frame.bytes)),
                    ]
                ])
        }
    }

    /// Frames were dropped because the client or the loop was too slow.
    mutating func overflow() { lost += 1 }

    mutating func cancel(_ token: UInt64, on bus: BusPorts) { end(bus) { $0.token == token } }

    /// Answers the captures whose time is over.
    mutating func expire(_ now: Uptime, bus: BusPorts, server: ControlServer) {
        for watch in watches {
            guard let until = watch.until, until <= now else { continue }
            server.answer(watch.token, ["frames": .integer(watch.frames), "lost": .integer(lost)])
        }
        end(bus) { $0.until.map { $0 <= now } ?? false }
    }

    private mutating func end(_ bus: BusPorts, where isOver: (Watch) -> Bool) {
        let ended = watches.filter(isOver)
        watches.removeAll(where: isOver)
        for watch in ended where !watches.contains(where: { $0.port == watch.port }) {
            bus.setTap(watch.port, on: false)
        }
        if watches.isEmpty { lost = 0 }
    }
}

extension MainLoop {
    func startCapture(_ call: ControlCall) {
        let name = call.parameters.string("port") ?? ""
        let ports: [PortEntry] = configuration?.ports ?? []
        let index = ports.firstIndex { $0.id.name == name }
        guard let index else {
            refuseCapture(call.token, name, ports)
            return
        }
        beginCapture(call.token, ports[index], seconds: call.parameters.integer("seconds"))
    }

    private func refuseCapture(_ token: UInt64, _ name: String, _ ports: [PortEntry]) {
        let known = ports.map(\.id.name).joined(separator: ", ")
        server.fail(
            token, code: "unknown_port", message: "there is no port \"\(name)\"",
            hint: known.isEmpty ? "the configuration has no [[port]]" : "there are \(known)")
    }

    private func beginCapture(_ token: UInt64, _ port: PortEntry, seconds: Int64?) {
        let now = time.now()
        captures.add(token, port: port.id, until: seconds.map { now.uptime + $0 * 1_000_000 })
        bus.setTap(port.id, on: true)
        var started = JSONObject()
        started["protocol"] = .string(port.captureProtocol)
        started["line"] = .null
        if let line = port.line { started["line"] = .string("\(line.baud) \(line.format.rawValue)") }
        started["at"] = .string(now.wall.text)
        server.progress(token, ["started": .object(started)])
    }
}

extension PortEntry {
    /// The word for the frames of this port in a capture file.
    var captureProtocol: String {
        switch bus.protocol {
        case .edmi: "edmi"
        case .modbusRTU: "modbus-rtu"
        case .modbusTCP: "modbus-tcp"
        }
    }
}

/// Bytes as lower-case hexadecimal text.
enum Hexadecimal {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
