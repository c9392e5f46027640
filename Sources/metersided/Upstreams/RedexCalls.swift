import Gateway
import Metering
import Upstream

/// REDEX: the devices and brands it knows, held against the inverters configured here.
extension UpstreamService {
    /// `redex.devices`
    func devicesAnswer(_ result: JSONObject) -> JSONValue {
        [
            "fetched_at": JSONValue(devices.fetchedAt?.text), "devices": result["items"] ?? [],
            "inverters": .array((settings.redex?.inverters ?? []).map { reconciled($0, result) }),
        ]
    }

    /// A configured inverter and what REDEX says of it.
    private func reconciled(_ inverter: UpstreamSettings.Inverter, _ result: JSONObject) -> JSONValue {
        var problems: [JSONValue] = []
        let found = registered(inverter.remoteID, result)
        if let found {
            if found["serial"]?.string != inverter.serial {
                problems.append(.string("the serial there is \(found["serial"]?.string ?? "missing")"))
            }
            if found["brand"]?.string != inverter.brand {
                problems.append(.string("the brand there is \(found["brand"]?.string ?? "missing")"))
            }
            if let capacity = found["capacity_w"]?.integer, capacity != inverter.capacity {
                problems.append(.string("the capacity there is \(capacity) W, here \(inverter.capacity) W"))
            }
        } else {
            problems.append("no device there has this inverter")
        }
        return [
            "remote_id": .string(inverter.remoteID), "serial": .string(inverter.serial),
            "brand": .string(inverter.brand), "capacity_w": .integer(inverter.capacity),
            "meter": .string(inverter.meter.text), "ok": .bool(problems.isEmpty), "problems": .array(problems),
        ]
    }

    /// The inverter of this remote id among the devices.
    private func registered(_ remoteID: String, _ result: JSONObject) -> JSONValue? {
        let inverters = (result["items"]?.array ?? []).flatMap { $0["inverters"]?.array ?? [] }
        return inverters.first { $0["remote_id"]?.string == remoteID }
    }

    /// Seconds east of UTC of the device that has this inverter; the box's own where it does not say.
    func offset(of remoteID: String) -> Int64 {
        for device in devices.result["items"]?.array ?? [] {
            let isIts = (device["inverters"]?.array ?? []).contains { $0["remote_id"]?.string == remoteID }
            if isIts, let offset = device["timezone"]?.string.flatMap(RedexSystem.offset) { return offset }
        }
        return gateway.box.zone.offset(at: clock().wall.seconds).offset
    }

    /// Fetches a list, or answers with the last one.
    func fetch(
        _ operation: String, _ args: JSONObject = [:], id: String, refresh: Bool, _ waiter: Waiter
    ) {
        let moment = clock()
        let isBrands = operation == "brands"
        let cached = isBrands ? brands : devices
        if !refresh, args.isEmpty, let result = cached.fresh(at: moment.wall) {
            return finish(waiter, result)
        }
        submit(
            UpstreamJob(
                id: id, system: RedexSystem.name, work: UpstreamWork(operation, args),
                mode: .attended(until: moment.uptime + Self.attention, patient: false)),
            .inner { [weak self] settlement in
                guard let self else { return }
                if case .done(let result) = settlement, args.isEmpty {
                    if isBrands {
                        self.brands.take(result, at: self.clock().wall)
                    } else {
                        self.devices.take(result, at: self.clock().wall)
                    }
                }
                self.finish(waiter, settlement)
            })
    }

    /// Microseconds that people wait for a call.
    static let attention: Int64 = 120_000_000
}
