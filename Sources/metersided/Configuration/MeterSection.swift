import Drivers
import Gateway
import Intervals
import Metering

/// `[[meter]]`.
struct MeterSection {
    let models: ModelLibrary
    let folder: String
    let ports: [PortEntry]

    func read(_ tables: [SettingsReader]) -> [MeterSettings] {
        var meters: [MeterSettings] = []
        for table in tables {
            guard let meter = read(table) else { continue }
            if meters.contains(where: { $0.serial == meter.serial }) {
                table.fault("serial", "\"\(meter.serial)\" is another meter already; a serial number stands once")
            }
            let neighbours = meters.filter { $0.port == meter.port }
            if neighbours.contains(where: { $0.address == meter.address && $0.addressed == meter.addressed }) {
                table.fault("address", "\(meter.address) is another meter on port \(meter.port); give each its own")
            }
            if meter.model.dialect.isEdmi, !neighbours.isEmpty,
                !meter.addressed || neighbours.contains(where: { !$0.addressed })
            {
                table.fault("addressed", "several EDMI meters on port \(meter.port) need addressed = true each")
            }
            if let nmi = meter.nmi, meters.contains(where: { $0.nmi == nmi && $0.role == meter.role }) {
                table.fault("nmi", "\(nmi) is another meter with the role \"\(meter.role)\" already")
            }
            meters.append(meter)
        }
        return meters
    }

    private func read(_ table: SettingsReader) -> MeterSettings? {
        let serial = table.require(
            "serial",
            SettingsRule<String>.text(longest: 32).map("1 to 32 letters, digits, dots and dashes") { MeterSerial($0) })
        let name = table.require("model", .name)
        let port = readPort(table)
        let model = name.flatMap { readModel($0, table) }
        let isEdmi = model?.dialect.isEdmi ?? true
        let addressed = table.take("addressed", .flag) ?? false
        let address = readAddress(table, serial: serial, isEdmi: isEdmi, isTCP: port?.line == nil)
        let login = readLogin(table, isEdmi: isEdmi)
        guard let serial, let model, let port, let address, let login else {
            readRest(table, into: nil)
            return nil
        }
        if port.kind != (isEdmi ? .edmi : .modbus) {
            table.fault("port", "port \(port.id) speaks \(port.kind.rawValue), and \(model.name) does not")
        }
        var meter = MeterSettings(
            serial: serial, model: model, port: port.id, address: address, addressed: addressed, user: login.user,
            password: login.password)
        if let rest = readRest(table, into: meter) { meter = rest }
        return meter
    }

    private func readPort(_ table: SettingsReader) -> PortEntry? {
        guard let name = table.require("port", .name) else { return nil }
        if let port = ports.first(where: { $0.id.name == name }) { return port }
        let known = ports.map { "\"\($0.id)\"" }.joined(separator: ", ")
        table.fault("port", "there is no [[port]] named \"\(name)\"" + (known.isEmpty ? "" : "; there are \(known)"))
        return nil
    }

    private func readModel(_ name: String, _ table: SettingsReader) -> MeterModel? {
        if let model = models.model(name) { return model }
        table.fault("model", "there is no meter model \"\(name)\"; there are \(models.names.joined(separator: ", "))")
        return nil
    }

    private func readAddress(_ table: SettingsReader, serial: MeterSerial?, isEdmi: Bool, isTCP: Bool) -> UInt32? {
        if isEdmi {
            if let number = table.take("address", SettingsRule<Int64>.integer(1...4_294_967_295)) {
                return UInt32(number)
            }
            guard !table.has("address") else { return nil }
            if let number = serial.flatMap({ UInt32($0.text) }), number > 0 { return number }
            table.fault("address", "is missing, and the serial is no number; write the number the meter answers to")
            return nil
        }
        return table.require("address", SettingsRule<Int>.integer(isTCP ? 0...255 : 1...247)).map { UInt32($0) }
    }

    private func readLogin(_ table: SettingsReader, isEdmi: Bool) -> (user: String, password: Secret)? {
        guard isEdmi else {
            for key in ["user", "password_file", "source_id", "logoff", "set_clock"] where table.has(key) {
                table.fault(key, "is for EDMI meters; this model speaks Modbus")
            }
            return ("", Secret([]))
        }
        let user = table.require("user", Self.userName)
        let password = table.secret("password_file", in: folder)
        guard let user, let password else { return nil }
        return (user, password)
    }

    /// A log-in is `user,password` and a NUL, so neither may stand in the name.
    private static var userName: SettingsRule<String> {
        SettingsRule<String>.text(longest: 32).map("1 to 32 printable characters without a comma") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") } ? text : nil
        }
    }

    /// The keys that have a default.
    @discardableResult
    private func readRest(_ table: SettingsReader, into meter: MeterSettings?) -> MeterSettings? {
        let nmi = table.take(
            "nmi",
            SettingsRule<String>.text(longest: 11).map("an NMI of 10 characters, or 11 with a right check digit") {
                try? NMI($0)
            })
        let role = table.take("role", .name)
        let poll = table.take("poll_seconds", .integer(1...3600)) as Int?
        let amps = table.take("max_amps", .integer(1...10_000)) as Int?
        let phases = table.take("phases", SettingsRule<Int>.integer(1...3).map("1 or 3") { $0 == 2 ? nil : $0 })
        let swap = table.take("swap_import_export", .flag)
        let scale = table.take(
            "scale",
            SettingsRule<DecimalValue>.decimal(notZero: true).map("a number above 0") { $0.mantissa > 0 ? $0 : nil })
        let offset = table.take("utc_offset", Self.utcOffset)
        let stamp = table.take("survey_stamp", .oneOf(["start", "end"]))
        let clock = table.take("set_clock", .flag)
        let substitute = table.take("substitute", .oneOf(SubstitutionMethod.allCases.map(\.rawValue)))
        let timeout = table.take("timeout_ms", .integer(20...60_000)) as Int64?
        let turnaround = table.take("turnaround_ms", .integer(0...5000)) as Int64?
        let source = table.take("source_id", .integer(0...4_294_967_295)) as Int64?
        let logoff = table.take("logoff", .flag)
        guard var meter else { return nil }
        meter.nmi = nmi
        meter.role = role ?? meter.role
        meter.pollSeconds = poll ?? meter.pollSeconds
        meter.maxAmps = amps ?? meter.maxAmps
        meter.phases = phases ?? meter.phases
        meter.swapImportExport = swap ?? meter.swapImportExport
        meter.scale = scale ?? meter.scale
        meter.utcOffsetMinutes = offset ?? meter.utcOffsetMinutes
        meter.surveyStampIsEnd = stamp.map { $0 == "end" } ?? meter.surveyStampIsEnd
        meter.setClock = clock ?? meter.setClock
        meter.substitute = substitute.flatMap(SubstitutionMethod.init(rawValue:)) ?? meter.substitute
        meter.timeout = timeout ?? meter.timeout
        meter.turnaround = turnaround ?? meter.turnaround
        meter.sourceID = source.map { UInt32($0) } ?? meter.sourceID
        meter.logoff = logoff ?? meter.logoff
        return meter
    }

    /// Minutes east of UTC, `±HH:MM` up to 14 hours in quarters, as all zones' standard times are: any other would put
    /// the meter's intervals beside the box's.
    private static var utcOffset: SettingsRule<Int> {
        SettingsRule<String>.text(longest: 6).map("an offset in quarters of an hour, such as \"+10:00\"") { text in
            let bytes = Array(text.utf8)
            guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"),
                bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
                [1, 2, 4, 5].allSatisfy({ (48...57).contains(bytes[$0]) })
            else { return nil }
            let hours = Int(bytes[1] - 48) * 10 + Int(bytes[2] - 48)
            let minutes = Int(bytes[4] - 48) * 10 + Int(bytes[5] - 48)
            guard minutes < 60, minutes % 15 == 0, hours * 60 + minutes <= 14 * 60 else { return nil }
            return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
        }
    }
}
