import Control
import Foundation
import Metering
import Testing

@testable import meterside

/// `credit explain` against a daemon that has a journal of two days.
@Suite struct CreditExplainTests {
    private static let unit = "unit-1"

    private static func record(
        _ seq: Int64, _ kind: String, _ at: String, _ data: String, balance: Int64? = nil
    ) throws -> JSONValue {
        var object = try JSONReader.read(data).object ?? [:]
        object["unit"] = .string(unit)
        object["due_at"] = .string(at)
        object["balance_micro"] = balance.map { .integer($0) }
        return ["seq": .integer(seq), "at": .string(at), "kind": .string(kind), "key": "k", "data": .object(object)]
    }

    /// Opening 5.00; a tariff; 1.25 kWh at 0.412; a day's standing charge; 20.00 of which 2.00 go to debt.
    static func records() throws -> [JSONValue] {
        [
            try record(
                2, "unit.setting", "2026-03-02T08:00:00.000Z",
                #"{"setting":"opening","value":{"mode":"prepayment","emergency_selected":false},"change":{"balance_micro":5000000,"payment_debt_micro":35000000}}"#,
                balance: 5_000_000),
            try record(
                3, "unit.setting", "2026-03-02T08:00:00.000Z",
                #"{"setting":"tariff","value":{"tariff_id":1,"unit":"kWh","bands":[{"name":"all","rate_micro":412000}]}}"#
            ),
            try record(
                5, "credit.charged", "2026-03-02T09:00:00.000Z",
                #"{"charge":"energy","tariff_id":1,"energy_wh":1250,"until":"2026-03-02T09:00:00.000Z","amount_micro":515000,"lines":[{"what":"all","quantity_wh":1250,"rate_micro":412000,"amount_micro":515000}],"change":{"balance_micro":-515000}}"#,
                balance: 4_485_000),
            try record(
                9, "credit.charged", "2026-03-03T00:00:00.000Z",
                #"{"charge":"standing","tariff_id":1,"day":"2026-03-03","amount_micro":450000,"lines":[{"what":"standing","rate_micro":450000,"amount_micro":450000}],"change":{"balance_micro":-450000}}"#,
                balance: 4_035_000),
            try record(
                12, "credit.topped_up", "2026-03-03T10:00:00.000Z",
                #"{"payment_id":"p1","amount_micro":20000000,"change":{"balance_micro":18000000,"payment_debt_micro":-2000000},"week":"2026-03-02"}"#,
                balance: 22_035_000),
        ]
    }

    /// Two records a page.
    private static func daemon(balance: Int64, records: [JSONValue]) throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "version": server.answer(call.token, ["version": "1", "at": "2026-03-04T00:00:00.000Z"])
            case "credit.explain" where call.parameters.string("unit") == unit:
                let after = call.parameters.integer("after") ?? 0
                let rest = records.filter { ($0["seq"]?.integer ?? 0) > after }
                var answer: JSONObject = ["unit": .string(unit), "records": .array(Array(rest.prefix(2)))]
                answer["next"] = rest.count > 2 ? rest[1]["seq"] : .null
                if rest.count <= 2 {
                    answer["balance_micro"] = .integer(balance)
                    answer["as_of_seq"] = 12
                }
                server.answer(call.token, .object(answer))
            default:
                server.fail(call.token, code: "unknown_unit", message: "no unit is configured", hint: "add one")
            }
        }
    }

    private static func run(_ daemon: ThreadedServer, _ arguments: String...) throws -> Program.Outcome {
        try Program.run(
            Program.meterside, ["credit", "explain"] + arguments,
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
    }

    @Test func explain_addsUpDayByDay() throws {
        let outcome = try Self.run(try Self.daemon(balance: 22_035_000, records: try Self.records()), Self.unit)
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(
            outcome.output == """
                unit-1 from the beginning to now

                opening balance                                            0.000

                2026-03-02
                  balance at the beginning                                 5.000
                  all 1.250 kWh × 0.412                                   -0.515
                  balance                                                  4.485

                2026-03-03
                  standing charge                                         -0.450
                  payment                                                 20.000
                  to payment debt                                         -2.000
                  balance                                                 22.035

                all 2 days
                  balance at the beginning                                 5.000
                  all 1.250 kWh × 0.412                                   -0.515
                  standing charge                                         -0.450
                  payment                                                 20.000
                  to payment debt                                         -2.000
                closing balance                                           22.035

                The account and the journal agree: 22.035 as of record 12.

                """)
    }

    @Test func explain_eachRecord_namesItsSequence() throws {
        let outcome = try Self.run(
            try Self.daemon(balance: 22_035_000, records: try Self.records()), Self.unit, "--each", "--from",
            "2026-03-03")
        #expect(outcome.status == 0)
        #expect(
            outcome.output == """
                unit-1 from 2026-03-03 00:00Z to now

                opening balance                                            4.485

                2026-03-03 00:00Z #9
                  standing charge of 2026-03-03
                    standing charge                                       -0.450
                  balance                                                  4.035

                2026-03-03 10:00Z #12
                  payment p1
                    payment                                               20.000
                    to payment debt                                       -2.000
                  balance                                                 22.035

                The account and the journal agree: 22.035 as of record 12.

                """)
    }

    @Test func explain_asJSON_hasEveryLineAndTheVerdict() throws {
        let outcome = try Self.run(
            try Self.daemon(balance: 22_035_000, records: try Self.records()), Self.unit, "--json", "--to", "2026-03-03"
        )
        let answer = try JSONReader.read(outcome.output)
        #expect(answer["opening_micro"] == 0 && answer["closing_micro"] == 4_485_000 && answer["agrees"] == true)
        #expect(answer["replayed_micro"] == 22_035_000 && answer["records"] == 3)
        #expect(
            answer["days"]?.array?.first?["lines"]?.array?.last
                == ["what": "all", "quantity_wh": 1250, "rate_micro": 412_000, "amount_micro": -515_000])
        #expect(answer["each"] == nil)
    }

    @Test func explain_whenTheSumsDoNotAgree_saysSoAndEndsWithFive() throws {
        let other = try Self.run(try Self.daemon(balance: 1, records: try Self.records()), Self.unit)
        #expect(other.status == 5 && other.output.contains("do NOT agree"))
        var records = try Self.records()
        records.remove(at: 2)
        let torn = try Self.run(try Self.daemon(balance: 22_035_000, records: records), Self.unit)
        #expect(torn.status == 5 && torn.output.contains("Record 9 states a balance of 4.035"))
        #expect(torn.output.contains("they do NOT agree") || torn.output.contains("give 4.55"))
    }

    @Test func explain_whatIsWrong_hasItsExitCode() throws {
        let daemon = try Self.daemon(balance: 0, records: [])
        #expect(try Self.run(daemon, "unit-9").status == 2)
        #expect(try Self.run(daemon, "no such unit!").status == 2)
        #expect(try Self.run(daemon, Self.unit, "--from", "2026-03-04", "--to", "2026-03-03").status == 2)
        let broken = try Self.daemon(balance: 0, records: [["seq": 3, "kind": "credit.charged"]])
        let outcome = try Self.run(broken, Self.unit)
        #expect(outcome.status == 1 && outcome.errors.contains("does not read"))
    }
}
