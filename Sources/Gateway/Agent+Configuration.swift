import Drivers
import Metering

/// Putting a configuration into force, at the start and while running.
extension Agent {
    /// Makes meters and ports of the configuration; meters that did not change keep their state.
    mutating func install(turn: inout Turn) {
        installHan(turn: &turn)
        let old = meters
        let oldPorts = ports
        let count = configuration.meters.count
        ports = []
        portIndices = [:]
        for settings in configuration.ports {
            portIndices[settings.id] = ports.count
            ports.append(oldPorts.first { $0.id == settings.id } ?? PortScheduler(id: settings.id))
        }
        // Ports only scans use are named by the scans themselves.
        for run in scans where portIndices[run.port] == nil {
            portIndices[run.port] = ports.count
            ports.append(oldPorts.first { $0.id == run.port } ?? PortScheduler(id: run.port))
        }
        // The same holds for ports that only switches and buttons use, while an answer is on its way.
        for port in oldPorts
        where portIndices[port.id] == nil && port.outstanding.contains(where: { $0.owner == .unit }) {
            portIndices[port.id] = ports.count
            ports.append(port)
        }
        var places: [Int?] = Array(repeating: nil, count: old.count)
        meters = []
        for (place, settings) in configuration.meters.enumerated() {
            guard let port = portIndices[settings.port] else { continue }
            let known = old.firstIndex { $0.settings.serial == settings.serial }
            if let known, isUnchanged(old[known], settings) {
                places[known] = meters.count
                meters.append(old[known])
                meters[meters.count - 1].port = port
            } else {
                meters.append(
                    ManagedMeter(
                        settings, box: configuration.box, port: port, line: line(of: settings.port), place: place,
                        of: count, resume: newest(settings.serial),
                        gaps: recovered.gaps.filter { $0.meter == settings.serial },
                        likeDays: recovered.likeDays.first { $0.meter == settings.serial },
                        newestRecord: recovered.newestAt, at: turn.moment))
                if let known, isCountedOtherwise(old[known].settings, settings) || old[known].isStartingAnew {
                    meters[meters.count - 1].startRegistersAnew()
                }
                if !ports[port].isUp { meters[meters.count - 1].portDownText = ports[port].downReason }
            }
        }
        for port in ports.indices { ports[port].renumber { places.indices.contains($0) ? places[$0] : nil } }
        wakes = WakeQueue(count: meters.count)
        for meter in meters.indices {
            meters[meter].inLine = nil
            lineUp(meter, at: turn.moment.uptime)
        }
    }

    private func line(of port: PortID) -> LineSettings? {
        configuration.ports.first { $0.id == port }?.line
    }

    private func newest(_ serial: MeterSerial) -> Interval? {
        recovered.intervals.filter { $0.meter == serial }.max { ($0.epoch, $0.end) < ($1.epoch, $1.end) }
    }

    private func isUnchanged(_ meter: ManagedMeter, _ settings: MeterSettings) -> Bool {
        meter.settings == settings && meter.intervalMinutes == configuration.box.intervalMinutes
            && meter.line == line(of: settings.port)
    }

    /// A register's values before and after the change cannot be subtracted, also where the difference is small enough
    /// to pass for energy.
    private func isCountedOtherwise(_ old: MeterSettings, _ new: MeterSettings) -> Bool {
        old.scale != new.scale || old.swapImportExport != new.swapImportExport
    }

    /// A checked configuration is to be used from now on.
    mutating func reconfigure(_ new: GatewayConfiguration, keys: [SigningKey], turn: inout Turn) {
        let before = configuration
        configuration = new
        rememberIntervals()
        if new.box.clockFromHost != before.box.clockFromHost || new.box.builtAt != before.box.builtAt {
            clock = ClockTrust(configuration: new.box, newestAt: turn.newestAt)
        }
        if new.box.intervalMinutes != before.box.intervalMinutes {
            slots = SlotClock(builtAt: new.box.builtAt, intervalMinutes: new.box.intervalMinutes)
        }
        if new.box.hasMqtt != before.box.hasMqtt {
            delivery = Delivery(
                box: new.box.id, version: new.box.version, acknowledged: delivery.acknowledged,
                hasMqtt: new.box.hasMqtt)
            turn.isConnected = false
        }
        desk.reconfigure(keys: keys, turn: &turn)
        desk.systems = Self.systems(of: new)
        for run in meters.compactMap({ $0.edmi?.survey }) where !isKept(run, in: new) {
            turn.emit(.answer(token: run.token, .failure(Self.reconfigured)))
        }
        for meter in meters where !new.meters.contains(meter.settings) {
            for token in meter.readers + meter.watchers {
                turn.emit(.answer(token: token, .failure(Self.reconfigured)))
            }
        }
        turn.append(.configChanged, Self.changes(from: before, to: new))
        install(turn: &turn)
        clock.observe(turn: &turn)
        installUnits(turn: &turn)
    }

    /// A meter that is taken out and put back later goes on where it was.
    private mutating func rememberIntervals() {
        for meter in meters {
            guard let last = meter.lastStated else { continue }
            recovered.intervals.removeAll { $0.meter == last.meter && $0.epoch <= last.epoch }
            recovered.intervals.append(last)
            recovered.gaps.removeAll { $0.meter == last.meter }
            recovered.gaps += meter.backfill.ledger.gaps
            recovered.likeDays.removeAll { $0.meter == last.meter }
            if let days = meter.backfill.likeDays { recovered.likeDays.append(days) }
        }
    }

    /// Commands about meters are judged by how the meters stand now.
    mutating func showMetersToDesk(at moment: Moment) { desk.meters = meters.map { $0.standing(at: moment.wall) } }

    /// Carries out what the desk decided; the new meter goes on from its first statement once it is configured.
    mutating func replaceMeters(turn: inout Turn) {
        for order in desk.replacements {
            guard let meter = meters.firstIndex(where: { $0.settings.serial == order.serial }),
                let first = meters[meter].replace(order, turn: &turn)
            else { continue }
            recovered.intervals.append(first)
            lineUp(meter, at: turn.moment.uptime)
        }
        desk.replacements = []
    }

    private func isKept(_ run: SurveyRun, in new: GatewayConfiguration) -> Bool {
        meters.contains { $0.edmi?.survey?.token == run.token && new.meters.contains($0.settings) }
    }

    static let reconfigured = ControlFailure(
        code: "busy", message: "the configuration was changed meanwhile", hint: "ask again")

    private static func changes(from old: GatewayConfiguration, to new: GatewayConfiguration) -> JSONObject {
        let added = new.meters.filter { meter in !old.meters.contains { $0.serial == meter.serial } }
        let removed = old.meters.filter { meter in !new.meters.contains { $0.serial == meter.serial } }
        let changed = new.meters.filter { meter in
            old.meters.contains { $0.serial == meter.serial && $0 != meter }
        }
        func serials(_ meters: [MeterSettings]) -> JSONValue { .array(meters.map { .string($0.serial.text) }) }
        return [
            "meters": JSONValue(new.meters.count), "ports": JSONValue(new.ports.count), "added": serials(added),
            "removed": serials(removed), "changed": serials(changed),
        ]
    }
}
