import Metering

/// Reads the `[[proof]]` tables of a model file.
enum ProofReader {
    /// The whole proofs with their readers; what is wrong in the others the readers remember. `names` are the readings
    /// a proof may have.
    static func proofs(
        _ root: SettingsReader, _ names: [String]
    ) -> [(reader: SettingsReader, proof: ModelProof)] {
        root.tables("proof").compactMap { table in proof(table, names).map { (table, $0) } }
    }

    private static func proof(_ table: SettingsReader, _ names: [String]) -> ModelProof? {
        let origin = table.require("origin", .text(longest: 300))
        let request = table.require("request", .bytes)
        let reply = table.require("reply", .bytes)
        let readings = readings(table, names)
        guard let origin, let request, let reply, let readings else { return nil }
        return ModelProof(origin: origin, request: request, reply: reply, readings: readings)
    }

    private static func readings(_ table: SettingsReader, _ names: [String]) -> [ProofReading]? {
        guard let list = table.requireTable("readings") else { return nil }
        var readings: [ProofReading] = []
        for member in list.members {
            guard names.contains(member.key) else { continue }
            let rule: SettingsRule<String> = member.key == "serial" ? .text(longest: 32) : .proofValue
            guard let value = list.require(member.key, rule) else { return nil }
            readings.append(ProofReading(name: RegisterName(member.key), value: value))
        }
        // The names of the other rows become known, so that a misspelt one gets a suggestion.
        for name in names { _ = list.has(name) }
        if list.members.isEmpty { list.fault("is empty; write each register and the value it must read as") }
        return readings
    }
}

extension SettingsRule where Value == [UInt8] {
    /// Bytes as pairs of hex digits with spaces between, at most 4096.
    fileprivate static var bytes: Self {
        Self("bytes as hex pairs in quotes, \"01 04 0B\"") { node in
            guard case .string(let text) = node.value else { return nil }
            var bytes: [UInt8] = []
            for pair in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                guard pair.utf8.count == 2, pair.utf8.allSatisfy(isHexDigit), let byte = UInt8(pair, radix: 16) else {
                    return nil
                }
                bytes.append(byte)
            }
            return (1...4096).contains(bytes.count) ? bytes : nil
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xDF)
    }
}

extension SettingsRule where Value == String {
    /// A value as `DecimalValue` writes it, or the word of a `NoData` reason.
    fileprivate static var proofValue: Self {
        Self("the value as plain decimal text in quotes, \"230.5\", or why there is none, \"invalid\"") { node in
            guard case .string(let text) = node.value else { return nil }
            return NoData(rawValue: text) != nil || DecimalValue(text: text)?.text == text ? text : nil
        }
    }
}
