import Drivers
import Metering
import Testing
import Toml

/// Model files: a good one, and each kind of bad one with place and message.
struct ModelReaderTests {
    /// A small Modbus model; its proof reads registers 0…3 of unit 1.
    static let good = """
        title = "Test meter"
        dialect = "modbus"
        verified = false

        [timing]
        timeout_ms = 1000
        turnaround_ms = 10
        max_registers = 10
        max_gap = 2

        [probe]
        register = "frequency_hz"
        range = [45, 65]

        [[register]]
        name = "import_wh"
        raw = "Total kWh"
        function = 4
        address = 0x0000
        type = "uint32"
        order = "CDAB"
        scale = 0.1
        rollover = 99999999
        invalid = ["FFFFFFFF"]
        resolution = 10

        [[register]]
        name = "frequency_hz"
        raw = "F"
        function = 4
        address = 2
        type = "int16"
        scale = 0.01
        detail = true

        [[proof]]
        origin = "synthetic"
        request = "01 04 00 00 00 03 B0 0B"
        reply = "01 04 06 00 0A 00 01 13 86 25 C0"
        [proof.readings]
        import_wh = "6554.6"
        frequency_hz = "49.98"
        """

    private func read(_ text: String, name: String = "test") -> Result<MeterModel, SettingsFaults> {
        do {
            let node = try Toml.read(text, file: "m.toml")
            return ModelReader.read(node, name: name, file: "m.toml", requiresProof: true)
        } catch {
            return .failure(SettingsFaults([error]))
        }
    }

    /// The faults of the good file with one piece replaced.
    private func faults(_ piece: String, _ replacement: String) -> [String] {
        guard Self.good.contains(piece) else { return ["the file has no \(piece)"] }
        guard case .failure(let faults) = read(Self.good.replacing(piece, with: replacement, maxReplacements: 1)) else {
            return []
        }
        return faults.faults.map(\.description)
    }

    @Test func goodFile_becomesTheModel() throws {
        let model = try read(Self.good).get()
        #expect(model.name == "test" && model.title == "Test meter" && model.dialect == .modbus && !model.verified)
        #expect(model.timing == ModelTiming(timeout: 1000, turnaround: 10, maxRegisters: 10, maxGap: 2))
        #expect(model.probe == ModelProbe(register: RegisterName("frequency_hz"), range: 45...65))
        let row = try #require(model.registers.first)
        #expect(row.source == .modbus(function: 4, address: 0, type: .uint32, order: .cdab))
        #expect(row.scale.text == "0.1" && row.unit == "Wh" && row.rollover == 99_999_999)
        #expect(row.invalid == [0xFFFF_FFFF] && row.resolution?.text == "10" && !row.isDetail)
        #expect(model.registers[1].isDetail && model.registers[1].unit == "Hz")
        #expect(model.proofs[0].reply.count == 11)
    }

    @Test(arguments: [
        ("title = \"Test meter\"", "", "m.toml:1: title: is missing; write a text of 1 to 80 characters in quotes"),
        (
            "\"modbus\"", "\"modbuss\"",
            "m.toml:2: dialect: \"modbuss\" is not allowed; write one of \"genius\", \"atlas\", \"modbus\""
        ),
        ("verified = false", "verified = 0", "m.toml:3: verified: 0 is not allowed; write true or false"),
        (
            "timeout_ms = 1000", "timeout_ms = 5",
            "m.toml:6: timing.timeout_ms: 5 is not allowed; write a whole number from 10 to 60000"
        ),
        (
            "max_registers = 10", "max_registers = 126",
            "m.toml:8: timing.max_registers: 126 is not allowed; write a whole number from 1 to 125"
        ),
        (
            "max_gap = 2", "max_gaps = 2",
            "m.toml:9: timing.max_gaps: is not known here; did you mean max_gap?"
        ),
        (
            "register = \"frequency_hz\"", "register = \"serial\"",
            "m.toml:12: probe.register: \"serial\" is not allowed; write one of \"import_wh\", \"frequency_hz\""
        ),
        (
            "[45, 65]", "[65, 45]",
            "m.toml:13: probe.range: is not allowed; write two whole numbers, the smaller first: [45, 65]"
        ),
        (
            "function = 4", "function = 1",
            "m.toml:18: register[1].function: 1 is not allowed; write 3 (holding registers) or 4 (input registers)"
        ),
        (
            "address = 0x0000", "address = 65536",
            "m.toml:19: register[1].address: 65536 is not allowed; write a whole number from 0 to 65535"
        ),
        (
            "address = 0x0000", "address = 65535",
            "m.toml:19: register[1].address: is not allowed; uint32 would end beyond register 65535"
        ),
        (
            "\"uint32\"", "\"u32\"",
            "m.toml:20: register[1].type: \"u32\" is not allowed; write one of \"int16\", \"uint16\", \"int32\", "
                + "\"uint32\", \"int64\", \"uint64\", \"float32\", \"float64\""
        ),
        (
            "\"CDAB\"", "\"cdab\"",
            "m.toml:21: register[1].order: \"cdab\" is not allowed; write one of \"ABCD\", \"CDAB\", \"BADC\", \"DCBA\""
        ),
        ("scale = 0.1", "scale = 0.0", "m.toml:22: register[1].scale: 0.0 is not allowed; write a number other than 0"),
        ("scale = 0.1", "scale = inf", "m.toml:22: register[1].scale: inf is not allowed; write a number other than 0"),
        (
            "scale = 0.1", "scale = 1e15",
            "m.toml:22: register[1].scale: is not allowed; write a number of at most 12 digits"
        ),
        (
            "\"FFFFFFFF\"", "\"FFFF\"",
            "m.toml:24: register[1].invalid: a list is not allowed; write a list in [ ], each item 8 hex digits in quotes"
        ),
        (
            "resolution = 10", "resolution = -10",
            "m.toml:25: register[1].resolution: is not allowed; write a number above 0"
        ),
        (
            "name = \"frequency_hz\"", "name = \"import_wh\"",
            "m.toml:28: register[2].name: \"import_wh\" stands twice; each name once"
        ),
        (
            "detail = true", "rollover = 5",
            "m.toml:34: register[2].rollover: is only for cumulative registers, whose names end in _wh or _varh; leave it out"
        ),
        (
            "resolution = 10", "detail = true",
            "m.toml:25: register[1].detail: is not allowed for a channel that intervals are kept of; leave it out"
        ),
        (
            "max_registers = 10", "max_registers = 1",
            "m.toml:20: register[1].type: takes 2 registers, more than timing.max_registers allows in one request"
        ),
        (
            "origin = \"synthetic\"", "",
            "m.toml:36: proof[1].origin: is missing; write a text of 1 to 300 characters in quotes"
        ),
        (
            "\"01 04 00 00", "\"01 4 00 00",
            "m.toml:38: proof[1].request: \"01 4 00 00 00 03 B0 0B\" is not allowed; write bytes as hex pairs in quotes, "
                + "\"01 04 0B\""
        ),
        (
            "B0 0B", "B0 0C", "m.toml:36: proof[1]: the request is no Modbus RTU frame: the checksum is wrong"
        ),
        (
            "25 C0", "25 C1", "m.toml:36: proof[1]: the reply is no answer to the request: the checksum is wrong"
        ),
        (
            "\"6554.6\"", "\"6554.60\"",
            "m.toml:41: proof[1].readings.import_wh: \"6554.60\" is not allowed; write the value as plain decimal text in "
                + "quotes, \"230.5\", or why there is none, \"invalid\""
        ),
        (
            "\"6554.6\"", "\"6554.7\"",
            "m.toml:36: proof[1]: the bytes read as import_wh = \"6554.6\", not \"6554.7\""
        ),
        (
            "frequency_hz = \"49.98\"", "",
            "m.toml:36: proof[1]: the bytes also hold frequency_hz = \"49.98\"; add it to the readings"
        ),
        (
            "frequency_hz = \"49.98\"", "frequency_h = \"49.98\"",
            "m.toml:42: proof[1].readings.frequency_h: is not known here; did you mean frequency_hz?"
        ),
        ("[[proof]]", "[proof]", "m.toml:36: proof: a table is not allowed; write it with two brackets: [[proof]]"),
        ("max_gap = 2", "max_gap = 2\nmax_gap = 3", "m.toml:10: not valid TOML"),
    ])
    func badFile_isRefused_withPlaceAndWhatIsAllowed(_ piece: String, _ replacement: String, _ expected: String) {
        let found = faults(piece, replacement)
        #expect(found.contains { $0.hasPrefix(expected) }, "\(found)")
    }

    @Test func name_mustEndInItsUnit() {
        for name in ["import", "_wh", "wh", "Import_wh", "import_kwh", "import wh", "power_factors", "9_v"] {
            let found = faults("name = \"import_wh\"", "name = \"\(name)\"")
            #expect(
                found.contains { $0.hasPrefix("m.toml:16: register[1].name: \"\(name)\" is not allowed") }, "\(found)")
        }
    }

    @Test func severalFaults_areAllTold_byLine() {
        let found = faults("timeout_ms = 1000", "timeout_ms = 5\nbaud = 1")
        #expect(found.count == 2)
        #expect(found.map { $0.prefix(8) } == ["m.toml:6", "m.toml:7"])
    }

    @Test func fileWithoutProof_loadsOnlyWhereNoneIsAsked() throws {
        let text = String(Self.good[..<(try #require(Self.good.firstRange(of: "[[proof]]")).lowerBound)])
        guard case .failure(let faults) = read(text) else {
            Issue.record("it was taken")
            return
        }
        #expect(
            faults.faults.map(\.description) == [
                "m.toml:1: proof: is missing; a model must carry at least one [[proof]]"
            ])
        let node = try Toml.read(text, file: "m.toml")
        #expect(try ModelReader.read(node, name: "test", file: "m.toml", requiresProof: false).get().proofs.isEmpty)
    }

    @Test func fileWithoutRegisters_isRefused() {
        guard case .failure(let faults) = read("title = \"x\"\ndialect = \"modbus\"\nverified = true\n") else {
            Issue.record("it was taken")
            return
        }
        let texts = faults.faults.map(\.description)
        #expect(texts.contains("m.toml:1: register: is missing; write at least one [[register]]"), "\(texts)")
    }

    @Test func fileName_mustBeAModelName() {
        guard case .failure(let faults) = read(Self.good, name: "Test Meter") else {
            Issue.record("it was taken")
            return
        }
        #expect(faults.faults[0].message.contains("small letters, digits and -"))
    }
}
