import Bus
import Control
import Drivers
import Gateway
import Metering

/// `meter scan`: looks for meters on a port of the configuration, or on any device.
extension MainLoop {
    func scan(_ call: ControlCall) -> Input? {
        let parameters = call.parameters
        let name = parameters.string("port") ?? ""
        guard let place = scanPlace(name, call) else { return nil }
        var order = ScanOrder(
            port: place.id, wire: nil, lines: place.isSerial ? nil : [], units: nil, serials: [], user: nil,
            password: nil,
            models: place.models)
        if let word = parameters.string("protocol") {
            guard let wire = PortProtocol(rawValue: word) else {
                return refuse(call, "\"\(word)\" is no protocol", "write edmi or modbus")
            }
            order.wire = wire
        }
        if place.isSerial, parameters.integers("bauds") != nil || parameters.strings("formats") != nil {
            let formats = (parameters.strings("formats") ?? ["8N1", "8E1"]).map { CharacterFormat(rawValue: $0) }
            let bauds = parameters.integers("bauds") ?? [9600, 19_200, 38_400, 115_200]
            guard !formats.contains(nil), bauds.allSatisfy({ (300...115_200).contains($0) }) else {
                return refuse(
                    call, "a baud rate or format is not known", "formats are 8N1 8E1 8O1 8N2 7E1, bauds 300 to 115200")
            }
            order.lines = bauds.flatMap { baud in
                formats.compactMap { $0.map { LineSettings(baud: Int(baud), format: $0) } }
            }
        }
        if let units = parameters.integers("units") {
            guard units.allSatisfy({ (0...255).contains($0) }) else {
                return refuse(call, "a unit is out of range", "units are 1 to 247, behind a TCP gateway 0 to 255")
            }
            order.units = units.map { UInt8($0) }
        }
        let serials = (parameters.strings("serials") ?? []).map { UInt32($0) }
        guard !serials.contains(nil) else {
            return refuse(call, "a serial is no number", "EDMI serials to try are numbers up to 4294967295")
        }
        order.serials = serials.compactMap(\.self)
        beginWithTheConfiguration(&order, name, asked: parameters)
        guard readLogin(call, into: &order) else { return nil }
        return .request(.meterScan(order), token: call.token)
    }

    /// A port of the configuration is first asked as it is configured: on its line, for its own meters. By its name it
    /// is asked nothing else than its protocol, which other devices on the wire need not understand.
    private func beginWithTheConfiguration(_ order: inout ScanOrder, _ name: String, asked: ControlParameters) {
        guard let configuration, let port = configuration.ports.first(where: { $0.id == order.port }) else { return }
        if port.id.name == name, order.wire == nil { order.wire = port.kind }
        if let line = port.line, asked.integers("bauds") == nil, asked.strings("formats") == nil {
            order.lines = [line] + ScanPlan.usualLines.filter { $0 != line }
        }
        if order.serials.isEmpty, port.kind == .edmi {
            order.serials = configuration.gateway.meters.filter { $0.port == port.id && $0.addressed }.map(\.address)
        }
    }

    private struct ScanPlace {
        var id: PortID
        var isSerial: Bool
        var models: [MeterModel]
    }

    /// A configured port by its name or device; on an unconfigured box, or as root, any device or `host:port`.
    private func scanPlace(_ name: String, _ call: ControlCall) -> ScanPlace? {
        let library = ModelLibrary(
            share: ShareFolder.find(options.share), configurationFolder: FilePath.folder(of: options.configuration))
        if let port = configuration?.ports.first(where: { $0.id.name == name || $0.device == name }) {
            return ScanPlace(id: port.id, isSerial: port.line != nil, models: library.all)
        }
        guard name.hasPrefix("/dev/") || name.hasPrefix("/") || name.utf8.contains(UInt8(ascii: ":")) else {
            let known = (configuration?.ports ?? []).map(\.id.name).joined(separator: ", ")
            server.fail(
                call.token, code: "unknown_port", message: "there is no port \"\(name)\"",
                hint: (known.isEmpty ? "" : "configured are \(known); ")
                    + "or write a device such as /dev/ttyUSB0, or host:port")
            return nil
        }
        let id = PortID("scan \(name)")
        let wire: PortWire
        if name.hasPrefix("/") {
            wire = .serial(device: name, line: LineSettings(baud: 9600, format: .eightNone1), rs485: false)
        } else if let (host, port) = HostPort.read(name, defaultPort: nil) {
            wire = .tcp(host: host, port: port)
        } else {
            server.fail(
                call.token, code: "usage", message: "\"\(name)\" is no host and port", hint: "write it as 192.0.2.7:502"
            )
            return nil
        }
        bus.close(id)
        bus.open(PortConfiguration(id: id, wire: wire, protocol: name.hasPrefix("/") ? .modbusRTU : .modbusTCP))
        adHocPorts.append((token: call.token, id: id))
        return ScanPlace(id: id, isSerial: name.hasPrefix("/"), models: library.all)
    }

    private func readLogin(_ call: ControlCall, into order: inout ScanOrder) -> Bool {
        order.user = call.parameters.string("user")
        if let password = call.parameters.string("password") {
            order.password = Secret(Array(password.utf8))
            return true
        }
        guard let file = call.parameters.string("password_file") else { return true }
        do throws(SecretFault) {
            order.password = try SecretFile.read(file, in: FilePath.folder(of: options.configuration))
            return true
        } catch {
            server.fail(call.token, code: "usage", message: error.description, hint: "")
            return false
        }
    }

    private func refuse(_ call: ControlCall, _ message: String, _ hint: String) -> Input? {
        server.fail(call.token, code: "usage", message: message, hint: hint)
        return nil
    }

    /// Closes the port that was opened for a scan.
    func endScan(_ token: UInt64) {
        for port in adHocPorts where port.token == token { bus.close(port.id) }
        adHocPorts.removeAll { $0.token == token }
    }
}

extension PortEntry {
    /// The path of a serial device; nil for TCP.
    var device: String? { if case .serial(let device, _, _) = bus.wire { device } else { nil } }
}
