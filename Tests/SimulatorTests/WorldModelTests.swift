import Drivers
import Gateway
import Metering
import Simulator
import Testing
import Toml

import Foundation

/// Every model that ships, on a quiet wire for two hours: polls, intervals and scales from the file to the journal.
@Suite struct WorldModelTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "hardware/meters")

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
        return files.filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()
    }()

    private func model(_ name: String) throws -> MeterModel {
        let path = Self.folder.appending(path: name + ".toml").path()
        return try ModelReader.read(try Toml.readFile(path), name: name, file: path, requiresProof: true).get()
    }

    private func configuration(_ model: MeterModel, start: WallTime) throws -> GatewayConfiguration {
        let isEdmi = model.dialect.isEdmi
        let meter = MeterSettings(
            serial: try #require(MeterSerial("217072470")), model: model, port: PortID("a"),
            address: isEdmi ? 217_072_470 : 33, addressed: isEdmi, user: "READER",
            password: Secret(Array("READER".utf8)), pollSeconds: 30)
        let box = BoxSettings(
            id: "WORLD", version: "0", intervalMinutes: 5, clockFromHost: false, builtAt: start + -1000, hasMqtt: true,
            unconfigured: false)
        let line = LineSettings(baud: 9600, format: .eightNone1)
        return GatewayConfiguration(
            box: box, ports: [PortSettings(id: PortID("a"), wire: isEdmi ? .edmi : .modbus, line: line)],
            meters: [meter])
    }

    @Test func models_areThere() { #expect(Self.names.count >= 9) }

    @Test(arguments: names) func run_withEveryModel_keepsWhatTheHouseholdUsed(name: String) throws {
        let model = try model(name)
        let start = WallTime(seconds: 1_772_440_000)
        let configuration = try configuration(model, start: start)
        #expect(BusBudget.check(configuration) == [])
        var world = World(seed: 12, configuration: configuration, trouble: .none, start: start)
        world.run(seconds: 2 * 3600)
        #expect(world.journal.faults == [])
        #expect(!world.journal.records.contains { $0.kind == .alarm || $0.kind == .meterQuarantined })
        let intervals = world.journal.records.filter { $0.kind == .interval }.compactMap { Interval(record: $0.data) }
        #expect(intervals.count == 23)
        for interval in intervals {
            for value in interval.values {
                let row = try #require(model.registers.first { $0.channel == value.channel })
                let register = try #require(value.registerAtEnd)
                let step = try #require(row.step(at: DecimalValue(mantissa: register)).flooredInteger)
                #expect(value.quality == .actual)
                #expect(abs(register - world.meters[0].register(value.channel, at: interval.end)) <= step + 3)
            }
        }
    }
}
