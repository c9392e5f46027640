import Metering

/// Writes meterside.toml from answers.
struct ConfigurationText {
    let answers: CommissionAnswers

    /// The whole file. Throws for a value that TOML has no place for.
    func text() throws(CommandFailure) -> String {
        var text = "# Made by `meterside commission`. Change it as you like: `metersided --check` says what is wrong.\n"
        text += try table("[box]", answers.box)
        for port in answers.ports { text += try table("[[port]]", port) }
        for meter in answers.meters { text += try table("[[meter]]", meter) }
        for (name, value) in answers.configuration.members { text += try section(name, value) }
        return text
    }

    /// A section; its own tables follow it under its name.
    private func section(_ name: String, _ value: JSONValue) throws(CommandFailure) -> String {
        guard Self.isBare(name.split(separator: ".").joined()) else {
            throw CommissionAnswers.fault("configuration.\(name)", "is no name of a section")
        }
        if let items = value.array {
            var text = ""
            for item in items {
                guard let members = item.object else {
                    throw CommissionAnswers.fault("configuration.\(name)", "must be a list of objects")
                }
                text += try table("[[\(name)]]", members)
            }
            return text
        }
        guard let members = value.object else {
            throw CommissionAnswers.fault("configuration.\(name)", "must be an object")
        }
        let isTable = { (value: JSONValue) in
            value.object != nil || (value.array?.contains { $0.object != nil } ?? false)
        }
        var own = JSONObject()
        for (key, value) in members.members where !isTable(value) { own[key] = value }
        // [upstream] itself holds nothing.
        var text = own.isEmpty && !members.isEmpty ? "" : try table("[\(name)]", own)
        for (key, value) in members.members where isTable(value) { text += try section("\(name).\(key)", value) }
        return text
    }

    private func table(_ title: String, _ members: JSONObject) throws(CommandFailure) -> String {
        var text = "\n\(title)\n"
        for (key, value) in members.members where value != .null {
            guard Self.isBare(key), let written = Self.value(value) else {
                throw CommissionAnswers.fault(
                    "\(title) \(key)", "must be a text, a whole number, true, false or a list of texts")
            }
            text += "\(key) = \(written)\n"
        }
        return text
    }

    private static func value(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): return quoted(text)
        case .integer(let number): return String(number)
        case .bool(let flag): return flag ? "true" : "false"
        case .array(let items):
            let texts = items.map { Self.value($0) }
            return texts.contains(nil) ? nil : "[" + texts.compactMap(\.self).joined(separator: ", ") + "]"
        case .null, .object: return nil
        }
    }

    /// A basic string of TOML.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func isBare(_ key: String) -> Bool {
        !key.isEmpty
            && key.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }
}
