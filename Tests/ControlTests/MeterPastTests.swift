import Control
import Foundation
import Metering
import Testing

@testable import meterside

/// A connection point whose meter was exchanged: its file has the old meter's values until then.
@Suite struct MeterPastTests {
    /// 2026-03-02T00:00 market time.
    private static let midnight: Int64 = 1_772_373_600

    private static func item(_ meter: String, _ number: Int64, _ value: Int64?, _ reason: String = "") -> JSONValue {
        [
            "meter": .string(meter), "channel": "import_wh", "minutes": 30, "revision": 0, "source": "register",
            "end": .string(WallTime(seconds: midnight + number * 1800).textSeconds), "value_wh": JSONValue(value),
            "quality": value == nil ? "N" : "A", "method": "boundary", "reason": .string(reason),
        ]
    }

    /// Exchanged in interval 21: 20 intervals of 100 Wh and 30 Wh of the old meter, then 5 Wh and 27 intervals of 200 Wh.
    private static func intervals(of meter: String) -> [JSONValue] {
        switch meter {
        case "1001": (1...20).map { item(meter, $0, 100) } + [item(meter, 21, 30)]
        case "1002":
            [item(meter, 20, nil, "meter_replaced"), item(meter, 21, 5)] + (22...48).map { item(meter, $0, 200) }
        default: []
        }
    }

    @Test func export_overAnExchange_hasBothMetersValues() throws {
        let daemon = try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "version": server.answer(call.token, ["version": "1", "at": "2026-03-03T15:00:00.000Z"])
            case "meter.list":
                server.answer(
                    call.token, ["meters": [["serial": "1002", "role": "grid", "nmi": "1110029035"]]])
            case "events":
                let replaced: JSONValue = [
                    "at": .string(WallTime(seconds: Self.midnight + 36_500).text), "kind": "meter.replaced",
                    "data": ["meter": "1001", "new_meter": "1002"],
                ]
                server.answer(call.token, ["events": [replaced]])
            default:
                server.answer(call.token, .array(Self.intervals(of: call.parameters.string("meter") ?? "")))
            }
        }
        let said = try Program.run(
            Program.meterside,
            ["nem12", "export", "--nmi", "1110029035", "--from", "2026-03-02", "--to", "2026-03-02"],
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
        #expect(said.status == 0, "\(said.errors)")
        let lines = said.output.components(separatedBy: "\r\n")
        #expect(lines.contains("200,1110029035,E1,,E1,,1002,kWh,30,"))
        let day = try #require(lines.first { $0.hasPrefix("300,") }).split(separator: ",")
        let values = Array(repeating: "0.100", count: 20) + ["0.035"] + Array(repeating: "0.200", count: 27)
        #expect(day[2..<50].map(String.init) == values)
        #expect(day[50] == "A")
        #expect(said.errors.contains("until the exchange the values are those of meter 1001"))
    }

    @Test func joined_isAsGoodAsItsWorsePart() {
        func joined(_ old: Int64?, _ new: Int64?) -> JSONValue? {
            MeterPast.joined([Self.item("2", 1, new, "timeout")], after: [Self.item("1", 1, old, "off")]).first
        }
        #expect(joined(1, 2)?["value_wh"] == 3)
        #expect(joined(nil, 2)?["value_wh"] == .null)
        #expect(joined(nil, 2)?["reason"] == "off")
        #expect(joined(1, nil)?["quality"] == "N")
    }

    @Test func before_followsEveryExchangeOfTheSpan() {
        func record(_ at: Int64, _ old: String, _ new: String) -> JSONValue {
            [
                "at": .string(WallTime(seconds: at).text),
                "data": ["meter": .string(old), "new_meter": .string(new)],
            ]
        }
        let past = MeterPast([record(100, "1", "2"), record(200, "8", "9"), record(300, "2", "3")])
        #expect(past.before("3", after: WallTime(seconds: 0)) == ["2", "1"])
        #expect(past.before("3", after: WallTime(seconds: 150)) == ["2"])
        #expect(past.before("3", after: WallTime(seconds: 300)) == [])
        #expect(past.before("1", after: WallTime(seconds: 0)) == [])
    }
}
