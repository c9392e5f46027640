import Drivers
import Foundation
import Metering
import Testing
import Toml

/// Every file of hardware/meters: it loads, its proofs hold, and what the outside contract needs is there.
struct ModelFilesTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("hardware/meters")

    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()

    static func model(_ name: String) throws -> MeterModel {
        let file = folder.appendingPathComponent(name + ".toml").path
        return try ModelReader.read(try Toml.readFile(file), name: name, file: file, requiresProof: true).get()
    }

    @Test func folder_holdsTheModelsWeShip() {
        let shipped = [
            "abb-b23", "carlo-gavazzi-em340", "chint-dtsu666", "eastron-sdm630", "edmi-mk10", "edmi-mk6", "edmi-mk7",
            "edmi-modbus-9001", "schneider-iem3000",
        ]
        #expect(Set(shipped).isSubset(of: Self.names))
    }

    @Test(arguments: names)
    func model_loads_andEveryProofHolds(_ name: String) throws {
        let model = try Self.model(name)
        #expect(!model.proofs.isEmpty)
        for (index, proof) in model.proofs.enumerated() {
            #expect(proof.fault(on: model) == nil, "proof \(index + 1)")
            #expect(try proof.replay(on: model).count == proof.readings.count)
        }
    }

    @Test(arguments: names)
    func proofs_ofAModel_breakWithAnyBitOfTheirReply(_ name: String) throws {
        let model = try Self.model(name)
        for proof in model.proofs {
            for bit in 0..<proof.reply.count * 8 {
                var damaged = proof
                damaged.reply[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(damaged.fault(on: model) != nil, "bit \(bit)")
            }
        }
    }

    @Test(arguments: names)
    func model_hasImportAndExport_andUnverifiedOnesAreMarked(_ name: String) throws {
        let model = try Self.model(name)
        let channels = model.registers.compactMap(\.channel)
        #expect(channels.contains(.importWh) && channels.contains(.exportWh))
        #expect(model.verified == !["edmi-mk7", "edmi-modbus-9001"].contains(name))
        let proven = Set(model.proofs.flatMap(\.readings).map(\.name.text))
        for channel in channels { #expect(proven.contains(channel.rawValue), "\(channel)") }
        if model.dialect == .modbus {
            for row in model.registers { #expect(proven.contains(row.name.text), "\(row.name)") }
        }
    }

    @Test func sdm630_needsOneRequest() throws {
        let model = try Self.model("eastron-sdm630")
        let plan = ModbusPlan(model.registers, timing: model.timing)
        #expect(plan.reads == [ModbusRead(function: 4, address: 0, count: 80)])
    }

    @Test func float32Totals_stepByTwoWattHours_above16MWh() throws {
        let model = try Self.model("edmi-mk10")
        let total = try #require(model.registers.first { $0.name.text == "import_wh" })
        #expect(total.step(at: DecimalValue(mantissa: 16_777_215)).text == "1")
        #expect(total.step(at: DecimalValue(mantissa: 16_777_216)).text == "2")
        #expect(total.step(at: DecimalValue(mantissa: 20_330_000)).text == "2")
        let kilo = try #require(
            try Self.model("eastron-sdm630").registers.first { $0.name.text == "import_wh" })
        #expect(kilo.step(at: DecimalValue(mantissa: 20_000_000)).text == "1.953125")
        let tens = try #require(try Self.model("abb-b23").registers.first { $0.name.text == "import_wh" })
        #expect(tens.step(at: DecimalValue(mantissa: 1)).text == "10")
        let double = try #require(try Self.model("edmi-mk6").registers.first { $0.name.text == "import_wh" })
        #expect(double.step(at: DecimalValue(mantissa: 20_330_000)).text == "0")
        let voltage = try #require(
            try Self.model("carlo-gavazzi-em340").registers.first { $0.name.text == "voltage_l1_v" })
        #expect(voltage.step(at: DecimalValue(mantissa: 230)).text == "0.1")
    }
}

/// What hardware/README.md and Tests/Support say about models.
struct ModelDocumentTests {
    private static let root = ModelFilesTests.folder.deletingLastPathComponent().deletingLastPathComponent()

    @Test func exampleOfTheReadme_isAModel() throws {
        let text = try String(
            contentsOf: Self.root.appendingPathComponent("hardware/README.md"), encoding: .utf8)
        let section = try #require(text.range(of: "One file a model"))
        let start = try #require(text.range(of: "```toml\n", range: section.upperBound..<text.endIndex))
        let end = try #require(text.range(of: "```\n", range: start.upperBound..<text.endIndex))
        let node = try Toml.read(String(text[start.upperBound..<end.lowerBound]), file: "README.md")
        let model = try ModelReader.read(node, name: "acme-100", file: "README.md", requiresProof: true).get()
        #expect(model.registers.map(\.name.text) == ["import_wh", "frequency_hz"])
        #expect(model.proofs.count == 1)
    }

    /// Any Python from 3.11 has what the script needs; without one there is nothing to compare with.
    private static let hasPython = (try? run(["-c", "import tomllib"]))?.status == 0

    @Test(.enabled(if: hasPython)) func proofs_holdForAnIndependentReader() throws {
        let script = Self.root.appendingPathComponent("Tests/Support/check_models.py").path
        let result = try Self.run([script, ModelFilesTests.folder.path])
        #expect(result.status == 0, "\(result.output)")
        let readings = try ModelFilesTests.names.reduce(0) { sum, name in
            try sum + ModelFilesTests.model(name).proofs.reduce(0) { $0 + $1.readings.count }
        }
        #expect(Int(result.output.trimmingCharacters(in: .whitespacesAndNewlines)) == readings)
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
