import Foundation
import Metering
import Testing

@testable import Credit

/// The scripts in `Scenarios/`: a scenario as `credit simulate` takes it, and what each of its steps must show.
@Suite struct ScenarioTests {
    static let files: [String] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scenarios")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().map { folder.appending(path: $0).path }
    }()

    @Test func workedCases_areAllThere() {
        let names = Self.files.map { URL(filePath: $0).lastPathComponent }
        for number in 1...11 {
            let prefix = "case\(number < 10 ? "0" : "")\(number)-"
            #expect(names.contains { $0.hasPrefix(prefix) }, "no script for case \(number)")
        }
    }

    @Test(arguments: files)
    func scenario_givesItsRows(path: String) throws {
        let script = try JSONReader.read(Array(try Data(contentsOf: URL(filePath: path))))
        let runs = try #require(script["runs"]?.array)
        for run in runs {
            let name = "\(URL(filePath: path).lastPathComponent), \(run["name"]?.string ?? "?")"
            let scenario = try #require(run["scenario"])
            let result = try CreditScenario.run(scenario, zone: Zones.named)
            compare(result["steps"], run["steps"], "\(name), step")
            compare(result["refused"], run["refused"] ?? [], "\(name), refused")
            if let charges = run["charges"] {
                let made = result["journal"]?.array?.filter { $0["kind"] == "credit.charged" }.compactMap { $0["data"] }
                compare(.array(made ?? []), charges, "\(name), charge")
            }
            #expect(try CreditScenario.run(scenario, zone: Zones.named) == result, "\(name): the same again")
            try replay(result, scenario, name)
        }
    }

    /// Every wanted member of every row.
    private func compare(_ made: JSONValue?, _ wanted: JSONValue?, _ name: String) {
        let made = made?.array ?? []
        let wanted = wanted?.array ?? []
        #expect(made.count == wanted.count, "\(name): \(made.count) rows")
        for (index, (row, want)) in zip(made, wanted).enumerated() {
            for member in want.object?.members ?? [] {
                #expect(row[member.name] == member.value, "\(name) \(index): \(member.name)")
            }
        }
    }

    /// The journal alone, as text, gives the balances of the last step: the account is a fold over it.
    private func replay(_ result: JSONValue, _ scenario: JSONValue, _ name: String) throws {
        let unit = scenario["unit"]
        let zone = Zones.named(scenario["zone"]?.string ?? "UTC") ?? .fixed(0)
        let limits = AccountLimits(floorFirst: unit?["floor_first"]?.bool ?? false)
        let account = try replayed(result["journal"]?.array ?? [], zone: zone, limits: limits)
        let last = result["steps"]?.array?.last
        let registers = account.registers
        #expect(last?["balance_micro"]?.integer == registers.balance, "\(name): replayed balance")
        #expect(last?["emergency_used_micro"]?.integer == registers.emergencyUsed, "\(name): replayed")
        #expect(last?["accumulated_micro"]?.integer == registers.accumulated, "\(name): replayed")
        #expect(last?["payment_debt_micro"]?.integer == registers.paymentDebt, "\(name): replayed")
        #expect(last?["time_debt_micro"]?.integer == registers.timeDebt, "\(name): replayed")
        #expect(last?["available_micro"]?.integer == account.available, "\(name): replayed")
        #expect(last?["emergency_state"]?.string == account.emergencyState.rawValue, "\(name): replayed")
    }
}
