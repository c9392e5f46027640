import Gateway
import Metering
import Upstream

/// Reposit: commissioning by hand, and the two calls that go with the meter's link.
extension UpstreamService {
    /// `reposit.<verb>` of the control socket, and the commands `reposit_<operation>`, with the box's own values where
    /// none are given.
    func repositWork(_ operation: String, _ given: JSONObject) throws(UpstreamFault) -> UpstreamWork {
        switch operation {
        case "validate": return UpstreamWork("validate")
        case "register": return try registration(given)
        case "register_single":
            return UpstreamWork("register_single", ["meter": .string(try serial(given, "meter", role: "grid"))])
        case "register_three":
            return UpstreamWork(
                "register_three",
                [
                    "grid_meter": .string(try serial(given, "grid_meter", role: "grid")),
                    "sga_meter": .string(try serial(given, "sga_meter", role: "sga")),
                ])
        case "site", "register_site": return try site(given)
        case "connected":
            return UpstreamWork("connected", ["meter": .string(try siteSerial(given))])
        default: throw UpstreamFault("unsupported", "Reposit has no \(operation)")
        }
    }

    /// Two meters make a three-phase board, one a single-phase one.
    private func registration(_ given: JSONObject) throws(UpstreamFault) -> UpstreamWork {
        let names = ["grid_meter", "sga_meter"]
        let isNamed = names.contains { given[$0] != nil }
        let isBoth = ["grid", "sga"].allSatisfy { role in gateway.meters.contains { $0.role == role } }
        return try repositWork(isNamed || given["meter"] == nil && isBoth ? "register_three" : "register_single", given)
    }

    private func serial(_ given: JSONObject, _ name: String, role: String) throws(UpstreamFault) -> String {
        if let text = given[name]?.string {
            guard MeterSerial(text) != nil else {
                throw UpstreamFault("usage", "\"\(text)\" is no meter's serial", hint: "it stands on the meter")
            }
            return text
        }
        if let meter = gateway.meters.first(where: { $0.role == role }) { return meter.serial.text }
        if gateway.meters.count == 1, let meter = gateway.meters.first { return meter.serial.text }
        throw UpstreamFault(
            "usage", "\(name) is missing, and no [[meter]] has the role \"\(role)\"",
            hint: "say which meter, or write its role into the configuration")
    }

    /// The meter that names the site and the box at Reposit.
    private func siteSerial(_ given: JSONObject) throws(UpstreamFault) -> String {
        try serial(given, "meter", role: settings.reposit?.siteRole ?? "grid")
    }

    private func site(_ given: JSONObject) throws(UpstreamFault) -> UpstreamWork {
        let meter = try siteSerial(given)
        var args: JSONObject = ["meter": .string(meter)]
        let configured = gateway.meters.first { $0.serial.text == meter }?.nmi.map { "\($0.text)\($0.checkDigit)" }
        guard let nmi = given["nmi"]?.string ?? configured else {
            throw UpstreamFault("usage", "nmi is missing", hint: "it stands on the electricity bill")
        }
        if given["unchecked_nmi"]?.bool != true {
            do throws(NMIError) { _ = try NMI(nmi) } catch {
                throw UpstreamFault(
                    "usage", "\(nmi): \(error.description)", hint: "if it is right all the same, say --unchecked-nmi")
            }
        }
        args["nmi"] = .string(nmi)
        for name in ["street_number", "street_name", "suburb", "postcode", "state"] {
            guard let text = given[name]?.string else {
                throw UpstreamFault("usage", "\(name) is missing", hint: "give the whole address of the site")
            }
            args[name] = .string(name == "state" ? text.uppercased() : text)
        }
        return UpstreamWork("register_site", args)
    }

    // MARK: With the meter's link

    /// How far the box came: `unregistered meter_registered comms_validated site_registered connected`.
    var commissioningStatus: JSONObject {
        let steps = [
            ("meter_registered", ["register_single", "register_three"]), ("comms_validated", ["validate"]),
            ("site_registered", ["register_site"]), ("connected", ["connected"]),
        ]
        var state = "unregistered"
        var done = JSONObject()
        for (name, operations) in steps {
            let items = operations.compactMap { runner.history.lastDone(RepositSystem.name, $0) }
            guard let item = items.max(by: { $0.seq < $1.seq }) else { continue }
            state = name
            done[name] = ["at": .string(item.at.text), "seq": .integer(item.seq), "work": .object(item.work)]
        }
        return ["state": .string(state), "done": .object(done)]
    }

    /// The meter's link came up: a box that was commissioned asks whether Reposit sees it, and says that it is there.
    func meterUp(_ entry: JournalEntry) {
        let now = clock().uptime
        // Before the first `connected` commissioning is under way: its own steps come in their own order.
        guard settings.reposit != nil, runner.history.lastDone(RepositSystem.name, "connected") != nil,
            let serial = entry.draft.data["serial"]?.string ?? entry.draft.data["meter"]?.string,
            let site = runner.history.lastDone(RepositSystem.name, "register_site"),
            let named = site.work["meter"]?.string, isOurs(serial, named: named),
            running.mayBegin(at: now)
        else { return }
        running.begin(at: now)
        let id = "running.\(entry.draft.seq)"
        submit(
            UpstreamJob(
                id: id, system: RepositSystem.name, work: UpstreamWork("validate"),
                mode: .attended(until: now + RunningCalls.patience, patient: true)),
            .inner { [weak self] settlement in
                guard let self else { return }
                self.running.end()
                guard case .done = settlement else { return }
                self.submit(
                    UpstreamJob(
                        id: id, system: RepositSystem.name, work: UpstreamWork("connected", ["meter": .string(named)]),
                        mode: .background),
                    .inner { _ in })
            })
    }

    /// The registered meters: the one that names the site and its partner.
    private func isOurs(_ serial: String, named: String) -> Bool {
        let three = runner.history.lastDone(RepositSystem.name, "register_three")?.work
        return serial == named || three?["grid_meter"]?.string == serial || three?["sga_meter"]?.string == serial
    }
}

/// Keeps the running calls from following every flicker of a meter's link.
struct RunningCalls {
    /// Microseconds between two of them, and that one lasts.
    private static let rest: Int64 = 900_000_000
    static let patience: Int64 = 900_000_000

    private var isRunning = false
    private var last: Uptime?

    func mayBegin(at now: Uptime) -> Bool {
        guard !isRunning else { return false }
        return last.map { now - $0 >= Self.rest } ?? true
    }

    mutating func begin(at now: Uptime) {
        isRunning = true
        last = now
    }

    mutating func end() { isRunning = false }
}
