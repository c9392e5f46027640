import Glibc
import Metering

/// Finds out what the configuration must say: from the answers, from the wires, from the installer.
struct CommissionGathering {
    let daemon: Daemon
    let files: CommissionFiles
    let prompt: Prompt
    let isDry: Bool
    var answers: CommissionAnswers
    /// Relative names of files in the answers are meant from here.
    let base: String
    /// Whether what is found out is kept for the next run at once.
    var keepsProgress = true
    /// Whether a secret was put in place that is another than before.
    private(set) var hasNewSecrets = false
    /// Whence each secret came that was put in place.
    private var sources: [String: String] = [:]

    init(
        daemon: Daemon, files: CommissionFiles, prompt: Prompt, isDry: Bool, answers: CommissionAnswers, base: String
    ) {
        self.daemon = daemon
        self.files = files
        self.prompt = prompt
        self.isDry = isDry
        self.answers = answers
        self.base = base
    }

    /// Fills the answers until a configuration can be written.
    mutating func fill() throws(CommandFailure) {
        try fillBox()
        try fillPorts()
        if answers.meters.isEmpty { try findMeters() }
        try completeMeters()
        try askReposit()
        if answers.configuration["upstream"]?["reposit"] != nil { try fillSite() }
        try placeSecrets()
        try keep()
    }

    /// What was found out is not asked again.
    private func keep() throws(CommandFailure) { if !isDry, keepsProgress { try files.save(answers) } }

    // MARK: Box

    private mutating func fillBox() throws(CommandFailure) {
        if answers.box["id"] == nil {
            let id = try prompt.text("Box id, as on its label", name: "box.id") { text in
                PublicKeyFile.isIdentifier(text) ? nil : "letters, digits and _ . : - only"
            }
            answers.box["id"] = .string(id)
        }
        let id = answers.box["id"]?.string ?? ""
        if id.utf8.count != 8 || !id.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) }) {
            Terminal.error(["note: Reposit's boxes are named with 8 capital letters and digits; this one is \(id)"])
        }
        if answers.box["zone"] == nil {
            let zone =
                prompt.isInteractive
                ? try prompt.text("Time zone", name: "box.zone", default: Self.hostZone) : Self.hostZone
            answers.box["zone"] = .string(zone)
        }
        try keep()
    }

    /// What the machine is set to.
    private static var hostZone: String {
        guard let bytes = try? FileAccess.read("/etc/timezone", limit: 256) else { return "UTC" }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        return text.isEmpty ? "UTC" : text
    }

    // MARK: Ports

    private mutating func fillPorts() throws(CommandFailure) {
        guard answers.ports.isEmpty else { return }
        let found = Self.serialDevices()
        var chosen = found
        if prompt.isInteractive {
            for (index, device) in found.enumerated() { Terminal.error(["  \(index + 1)  \(device)"]) }
            let text = try prompt.text(
                found.isEmpty ? "No serial port was found. Device or host:port" : "Ports (numbers, devices, host:port)",
                name: "ports", default: found.isEmpty ? nil : "all")
            if text != "all" {
                chosen = text.split(separator: " ").map { word in
                    Int(word).flatMap { found.indices.contains($0 - 1) ? found[$0 - 1] : nil } ?? String(word)
                }
            }
        }
        guard !chosen.isEmpty else {
            throw .usage(
                "no serial port was found", hint: "plug the adapter in, or name the port in the answers: \"ports\"")
        }
        for (index, place) in chosen.enumerated() {
            let name = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index % 26)))
            let key = place.hasPrefix("/") ? "device" : "tcp"
            answers.ports.append(["name": .string(name), key: .string(place)])
        }
    }

    /// Stable names first; a device that has one is not listed twice.
    private static func serialDevices() -> [String] {
        let named = names(in: "/dev/serial/by-id").map { "/dev/serial/by-id/" + $0 }
        if !named.isEmpty { return named }
        return names(in: "/dev").filter { name in
            ["ttyUSB", "ttyACM", "ttyAMA"].contains { name.hasPrefix($0) }
        }.map { "/dev/" + $0 }
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    // MARK: Meters

    private mutating func findMeters() throws(CommandFailure) {
        try fillLogin()
        for index in answers.ports.indices {
            let found = try scan(answers.ports[index])
            for meter in found { try take(meter, on: index) }
        }
        guard !answers.meters.isEmpty else {
            throw CommandFailure(
                code: "no_reply", message: "no meter answered on \(answers.ports.count) port(s)",
                hint: "check power, A and B (or RX and TX), and that no other program uses the line; then run "
                    + "commission again")
        }
        // A port without a meter says nothing that the daemon could use.
        let used = answers.meters.compactMap { $0["port"]?.string }
        answers.ports.removeAll { port in !used.contains(port["name"]?.string ?? "") }
        try keep()
    }

    private mutating func fillLogin() throws(CommandFailure) {
        guard prompt.isInteractive, answers.login["user"] == nil else { return }
        let user = try prompt.text(
            "EDMI user name (empty: there is no EDMI meter)", name: "login.user", default: "")
        guard !user.isEmpty else { return }
        answers.login["user"] = .string(user)
        let serials = try prompt.text(
            "Serial numbers on the plates of EDMI meters that share a line (empty: one meter a line)",
            name: "login.serials", default: "")
        if !serials.isEmpty {
            answers.login["serials"] = .array(serials.split(separator: " ").map { .string(String($0)) })
        }
        if answers.login["password_file"] == nil {
            let password = try prompt.secret("EDMI password", name: "login.password_file")
            answers.login["password_file"] = .string(isDry ? "/dev/null" : try put(password, "edmi.password"))
        }
    }

    private func scan(_ port: JSONObject) throws(CommandFailure) -> [JSONValue] {
        let place = (port["device"] ?? port["tcp"])?.string ?? ""
        var parameters: JSONObject = ["port": .string(place)]
        parameters["protocol"] = port["protocol"]
        if let baud = port["baud"] { parameters["bauds"] = [baud] }
        if let format = port["format"] { parameters["formats"] = [format] }
        parameters["user"] = answers.login["user"]
        parameters["serials"] = answers.login["serials"]
        if let file = answers.login["password_file"]?.string {
            let line = try FileAccess.read(resolved(file), limit: 4096).prefix { $0 != 0x0A && $0 != 0x0D }
            parameters["password"] = .string(String(decoding: line, as: UTF8.self))
        }
        Terminal.error(["looking for meters on \(place) …"])
        let result = try daemon.call("meter.scan", parameters, silence: 120) { progress in
            Terminal.progress(MeterScanCommand.progressText(progress))
            return true
        }
        Terminal.progress("")
        return result.items("found")
    }

    /// A meter that answered: its serial is confirmed by whoever stands before it.
    private mutating func take(_ found: JSONValue, on index: Int) throws(CommandFailure) {
        let wire = found.shown("protocol")
        let place = (answers.ports[index]["device"] ?? answers.ports[index]["tcp"])?.string ?? ""
        let seen = found["serial"]?.string
        Terminal.error([
            "found: \(wire) \(found.shown("baud")) \(found.shown("format")) address \(found.shown("address")) serial "
                + "\(seen ?? "unknown") model \(found.shown("model"))"
        ])
        if let spoken = answers.ports[index]["protocol"]?.string, spoken != wire { return }
        // A relay or a gateway speaks Modbus too: what fits no model is no meter unless somebody says so.
        let isMeter = wire == "edmi" || found["model"]?.string != nil
        guard isMeter || prompt.isInteractive else { return }
        let taken = answers.meters.compactMap { $0["serial"]?.string }
        let serial =
            prompt.isInteractive
            ? try prompt.text(
                "Serial number on the plate of this meter (- to leave it out)", name: "meters",
                default: isMeter ? seen : "-"
            ) { taken.contains($0) ? "\($0) is another meter already" : nil } : seen
        guard let serial, serial != "-" else {
            if serial == nil {
                throw CommissionAnswers.fault(
                    "meters", "must name the serial of the meter at address \(found.shown("address")) on \(place)")
            }
            return
        }
        if let seen, serial != seen {
            throw CommandFailure(
                code: "refused", message: "the meter on \(place) says it is \(seen), its plate says \(serial)",
                hint: "look which meter hangs on this port: two meters may be swapped")
        }
        answers.ports[index]["protocol"] = .string(wire)
        if answers.ports[index]["device"] != nil {
            answers.ports[index]["baud"] = found["baud"]
            answers.ports[index]["format"] = found["format"]
        } else if wire == "modbus", answers.ports[index]["framing"] == nil {
            answers.ports[index]["framing"] = "tcp"
        }
        var meter: JSONObject = ["serial": .string(serial), "port": answers.ports[index]["name"] ?? "a"]
        for name in ["model", "address"] { if let value = found[name], value != .null { meter[name] = value } }
        if wire == "edmi" { meter["addressed"] = .bool(found["address"]?.integer != nil) }
        answers.meters.append(meter)
    }

    private mutating func completeMeters() throws(CommandFailure) {
        for index in answers.meters.indices {
            let serial = answers.meters[index]["serial"]?.string ?? "meter \(index + 1)"
            if answers.meters[index]["model"] == nil {
                let model = try prompt.text(
                    "Model of meter \(serial), such as edmi-mk10", name: "meters[\(index)].model")
                answers.meters[index]["model"] = .string(model)
            }
            if answers.meters[index]["role"] == nil {
                let roles = answers.meters.compactMap { $0["role"]?.string }
                let preset = !roles.contains("grid") ? "grid" : roles.contains("sga") ? "load" : "sga"
                let role =
                    prompt.isInteractive
                    ? try prompt.text(
                        "Role of \(serial): grid, sga, load …", name: "meters[\(index)].role", default: preset)
                    : preset
                answers.meters[index]["role"] = .string(role)
            }
            if answers.meters[index]["phases"] == nil {
                let text =
                    prompt.isInteractive
                    ? try prompt.text("Phases of \(serial), 1 or 3", name: "meters[\(index)].phases", default: "3") {
                        ["1", "3"].contains($0) ? nil : "write 1 or 3"
                    } : "3"
                answers.meters[index]["phases"] = .integer(text == "1" ? 1 : 3)
            }
            let isEdmi = answers.meters[index]["model"]?.string?.hasPrefix("edmi-mk") ?? false
            if isEdmi, answers.meters[index]["user"] == nil {
                answers.meters[index]["user"] = answers.login["user"]
                answers.meters[index]["password_file"] = answers.login["password_file"]
            }
        }
        // The NMI of the site is that of its grid meter.
        if let nmi = answers.site["nmi"]?.string,
            let grid = answers.meters.firstIndex(where: { $0["role"] == "grid" }), answers.meters[grid]["nmi"] == nil
        {
            answers.meters[grid]["nmi"] = .string(CommissionAnswers.body(ofNMI: nmi))
        }
        try keep()
    }

    // MARK: Reposit and the address

    private mutating func askReposit() throws(CommandFailure) {
        guard prompt.isInteractive, answers.configuration["upstream"] == nil else { return }
        let key = try prompt.text(
            "File with the Reposit key (empty: do not register)", name: "configuration.upstream.reposit", default: "")
        guard !key.isEmpty else { return }
        let url = try prompt.text(
            "Address of Reposit", name: "configuration.upstream.reposit.url",
            default: "https://registrations.repositpower.com")
        let path = key.hasPrefix("/") ? key : (Terminal.environment("PWD") ?? ".") + "/" + key
        answers.configuration["upstream"] = ["reposit": ["url": .string(url), "key_file": .string(path)]]
        try keep()
    }

    private mutating func fillSite() throws(CommandFailure) {
        let questions = [
            ("street_number", "Street number, with the unit"), ("street_name", "Street"), ("suburb", "Suburb"),
            ("postcode", "Postcode"), ("state", "State (\(CommissionAnswers.states.joined(separator: " ")))"),
        ]
        for (name, question) in questions where answers.site[name] == nil {
            let text = try prompt.text(question, name: "site.\(name)") { text in
                switch name {
                case "postcode": CommissionAnswers.isPostcode(text) ? nil : "write its four digits"
                case "state": CommissionAnswers.states.contains(text) ? nil : "write one of them, in capitals"
                default: nil
                }
            }
            answers.site[name] = .string(text)
            try keep()
        }
        if answers.site["nmi"] == nil {
            let nmi = try prompt.text("NMI, with its check digit if you have it", name: "site.nmi")
            if let fault = CommissionAnswers.fault(nmi: nmi) {
                guard try prompt.yes("\(fault). Use it all the same?", name: "site.nmi_override", default: false) else {
                    return try fillSite()
                }
                answers.site["nmi_override"] = true
            }
            answers.site["nmi"] = .string(nmi)
            try completeMeters()
        }
        try answers.checkSite()
    }

    /// After a refusal: every value is asked for again, with what was said before.
    mutating func reviseSite() throws(CommandFailure) {
        let old = answers.site
        Terminal.error(["the site was refused; press return to leave a value as it is"])
        for name in ["street_number", "street_name", "suburb", "postcode", "state", "nmi"] {
            let text = try prompt.text(name, name: "site.\(name)", default: old[name]?.string) { text in
                var trial = CommissionAnswers()
                trial.site = [name: .string(text)]
                if text == old[name]?.string { return nil }
                do throws(CommandFailure) {
                    try trial.checkSite()
                    return nil
                } catch { return error.message }
            }
            answers.site[name] = .string(text)
        }
        if answers.site["nmi"] != old["nmi"] {
            var site = JSONObject()
            for (name, value) in answers.site.members where name != "nmi_override" { site[name] = value }
            answers.site = site
        }
        try keep()
    }

    // MARK: Secrets

    /// Secrets outside the configuration's folder are copied into it, for the daemon's eyes alone.
    private mutating func placeSecrets() throws(CommandFailure) {
        for index in answers.meters.indices {
            if let file = answers.meters[index]["password_file"]?.string {
                answers.meters[index]["password_file"] = .string(try placed(file))
            }
        }
        if let file = answers.login["password_file"]?.string {
            answers.login["password_file"] = .string(try placed(file))
        }
        for (name, value) in answers.configuration.members {
            answers.configuration[name] = try placed(in: value)
        }
    }

    private mutating func placed(in value: JSONValue) throws(CommandFailure) -> JSONValue {
        if let items = value.array {
            var placed: [JSONValue] = []
            for item in items { placed.append(try self.placed(in: item)) }
            return .array(placed)
        }
        guard let object = value.object else { return value }
        var placed = object
        for (name, member) in object.members {
            guard let file = member.string else {
                placed[name] = try self.placed(in: member)
                continue
            }
            // A certificate with a whole path is one that somebody else keeps: it stays where it is.
            let isCertificate = ["ca", "certificate"].contains(name) && !file.hasPrefix("/")
            if name.hasSuffix("_file") || name == "key" || isCertificate {
                placed[name] = .string(try self.placed(file))
            }
        }
        return .object(placed)
    }

    private mutating func placed(_ file: String) throws(CommandFailure) -> String {
        let path = resolved(file)
        // A name without a slash may be a credential of systemd: the daemon knows.
        guard access(path, F_OK) == 0 else { return file }
        guard !isDry, path != "/dev/null", !files.isAtHome(path) else { return path }
        var name = path.split(separator: "/").last.map(String.init) ?? "secret"
        // Two folders may hold files of one name.
        while sources[name].map({ $0 != path }) ?? false { name += "-2" }
        sources[name] = path
        return try put(try FileAccess.read(path, limit: CommissionFiles.longestSecret), name)
    }

    private mutating func put(_ bytes: [UInt8], _ name: String) throws(CommandFailure) -> String {
        let (path, isNew) = try files.place(secret: bytes, named: name)
        if isNew { hasNewSecrets = true }
        return path
    }

    private func resolved(_ file: String) -> String { file.hasPrefix("/") ? file : base + "/" + file }
}
