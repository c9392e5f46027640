import Metering

/// Every fault of a settings file, by line.
public struct SettingsFaults: Error, Hashable, Sendable {
    public var faults: [SettingsFault]

    public init(_ faults: [SettingsFault]) { self.faults = faults }
}

/// Makes a `MeterModel` from a model file (the format is in hardware/README.md) and refuses what is not exactly right:
/// a wrong register map is a wrong bill.
public enum ModelReader {
    /// The model `name` (the file's name without `.toml`), or every fault of the file with line and key.
    ///
    /// Every proof in the file is replayed; one that does not give its readings is a fault. `requiresProof` also
    /// refuses a file without any, as for everything in `hardware/meters`.
    public static func read(
        _ node: SettingsNode, name: String, file: String, requiresProof: Bool
    ) -> Result<MeterModel, SettingsFaults> {
        let root = SettingsReader(node, file: file)
        if !isModelName(name) {
            root.fault("the file's name is the model's name: use only small letters, digits and - before .toml")
        }
        let title = root.require("title", .text(longest: 80))
        let dialect: MeterModel.Dialect? = root.require("dialect", .dialect)
        let verified = root.require("verified", .flag)
        guard let dialect else { return .failure(SettingsFaults(root.finish())) }

        let timing = timing(root, dialect)
        let rows = registers(root, dialect, timing)
        var names = rows.map(\.name.text)
        if dialect.isEdmi { names.append("serial") }
        let probe = probe(root, names)
        let proofs = ProofReader.proofs(root, names)
        if requiresProof, proofs.isEmpty, !root.has("proof") {
            root.fault("proof", "is missing; a model must carry at least one [[proof]]")
        }
        guard let title, let verified, let timing, let probe, root.isFaultless else {
            return .failure(SettingsFaults(root.finish()))
        }
        let model = MeterModel(
            name: name, title: title, dialect: dialect, verified: verified, registers: rows, probe: probe,
            timing: timing, proofs: proofs.map(\.proof))
        for (reader, proof) in proofs {
            if let wrong = proof.fault(on: model) { reader.fault(wrong) }
        }
        let faults = root.finish()
        return faults.isEmpty ? .success(model) : .failure(SettingsFaults(faults))
    }

    private static func isModelName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    private static func timing(_ root: SettingsReader, _ dialect: MeterModel.Dialect) -> ModelTiming? {
        guard let table = root.requireTable("timing") else { return nil }
        let timeout: Int64? = table.require("timeout_ms", .integer(10...60_000))
        let turnaround: Int64? = table.require("turnaround_ms", .integer(0...5000))
        var longest: Int? = 1
        var gap: Int? = 0
        switch dialect {
        case .modbus:
            longest = table.require("max_registers", .integer(1...Int(modbusLongestRead)))
            gap = table.require("max_gap", .integer(0...100))
        case .genius:
            longest = table.require("max_registers", .integer(1...16))
        case .atlas:
            break
        }
        guard let timeout, let turnaround, let longest, let gap else { return nil }
        return ModelTiming(
            timeout: timeout, turnaround: turnaround, maxRegisters: UInt16(longest), maxGap: UInt16(gap))
    }

    private static func probe(_ root: SettingsReader, _ names: [String]) -> ModelProbe? {
        guard let table = root.requireTable("probe") else { return nil }
        let register = table.require("register", .oneOf(names))
        var range: ClosedRange<Int64>?
        if register == "serial" {
            if table.has("range") { table.fault("range", "is not allowed for the serial number; leave it out") }
        } else {
            let ends = table.require(
                "range", .list(of: SettingsRule<Int64>.integer(-1_000_000_000...1_000_000_000)))
            guard let ends else { return nil }
            guard ends.count == 2, ends[0] <= ends[1] else {
                table.fault("range", "is not allowed; write two whole numbers, the smaller first: [45, 65]")
                return nil
            }
            range = ends[0]...ends[1]
        }
        return register.map { ModelProbe(register: RegisterName($0), range: range) }
    }

    private static func registers(
        _ root: SettingsReader, _ dialect: MeterModel.Dialect, _ timing: ModelTiming?
    ) -> [ModelRegister] {
        let tables = root.tables("register")
        if tables.isEmpty, !root.has("register") || root.isFaultless {
            root.fault("register", "is missing; write at least one [[register]]")
        }
        var rows: [ModelRegister] = []
        for table in tables {
            guard let row = RowReader.row(table, dialect, timing) else { continue }
            if rows.contains(where: { $0.name == row.name }) {
                table.fault("name", "\"\(row.name)\" stands twice; each name once")
            }
            rows.append(row)
        }
        return rows
    }
}

extension SettingsRule where Value == MeterModel.Dialect {
    fileprivate static var dialect: Self {
        SettingsRule<String>.oneOf(["genius", "atlas", "modbus"]).map { word in
            switch word {
            case "genius": .genius
            case "atlas": .atlas
            default: .modbus
            }
        }
    }
}
