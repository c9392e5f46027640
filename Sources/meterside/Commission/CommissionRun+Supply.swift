import Glibc
import Metering

/// Load switches.
extension CommissionRun {
    func testSupply() throws(CommandFailure) -> JSONValue {
        var rows: [JSONValue] = []
        for unit in try switchedUnits() {
            let result: JSONValue
            do throws(CommandFailure) {
                result = try test(unit)
            } catch {
                // Nothing opens a switch in protected time, or too often, not even this: the next run does it.
                guard ["policy", "busy"].contains(error.code) else { throw error }
                return ["pending": true, "summary": .string(error.message), "units": .array(rows)]
            }
            guard result["passed"] == true else {
                let why = result["message"]?.string ?? result.items("steps").first { $0["ok"] == false }?.shown("note")
                throw CommandFailure(
                    code: "switch_contradicted", message: "the load switch of \(unit) did not pass: \(why ?? "")",
                    hint: "look at the coil, its feedback and `meterside supply show \(unit)`")
            }
            rows.append(result)
        }
        return ["summary": .string(rows.count == 1 ? "1 switch" : "\(rows.count) switches"), "units": .array(rows)]
    }

    /// A box that was just started has not read its meters often enough to open anything: they are read.
    private func test(_ unit: String) throws(CommandFailure) -> JSONValue {
        var tries = 0
        while true {
            tries += 1
            do throws(CommandFailure) {
                return try daemon.call("supply.test", ["unit": .string(unit)], silence: 180) { progress in
                    Terminal.progress("testing \(unit): \(JSONValue.object(progress).shown("step"))")
                    return true
                }
            } catch {
                guard error.code == "data_stale", tries < 12, !Interruption.happened else { throw error }
            }
            Terminal.progress("testing \(unit): reading its meters")
            for meter in try meters() {
                _ = try? daemon.call("meter.read", ["serial": meter["serial"] ?? ""], silence: 60)
            }
            usleep(500_000)
        }
    }
}
