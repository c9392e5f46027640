import Control
import Foundation
import Metering
import Testing

@testable import meterside

/// What the verbs about units, credit and supply print, on a wide and on a narrow terminal.
@Suite struct UnitVerbTests {
    private static func json(_ text: String) throws -> JSONValue { try JSONReader.read(text) }

    private static let units = """
        {"units":[{"id":"unit-1","mode":"prepayment","balance_micro":12345678,"available_micro":12345678,
        "supply":"connected","reason":"friendly_period","low":false,"switch":"relay-1","meters":["217072470"]},
        {"id":"unit-2","mode":"credit","balance_micro":-5,"supply":"armed","reason":"armed_wait","low":true,
        "meters":["1","2"]}]}
        """

    @Test func unitList_onBothWidths() throws {
        let units = try Self.json(Self.units)
        #expect(
            UnitListCommand.lines(units, width: 80, colour: false) == [
                "UNIT    MODE          BALANCE  SUPPLY     REASON           METERS",
                "unit-1  prepayment  12.345678  connected  friendly_period  217072470",
                "unit-2  credit      -0.000005  armed      armed_wait       1 2",
            ])
        #expect(
            UnitListCommand.lines(units, width: 40, colour: false) == [
                "unit-1                         12.345678", "  connected, friendly_period, prepayment",
                "unit-2                         -0.000005", "  armed, armed_wait, credit",
            ])
        let none = UnitListCommand.lines(["units": []], width: 40, colour: false)
        #expect(none.allSatisfy { $0.count <= 40 } && none.joined().contains("[[unit]]"))
    }

    @Test func unitShow_saysWhatIsSet() throws {
        let unit = try Self.json(
            """
            {"id":"unit-1","mode":"prepayment","balance_micro":1000000,"available_micro":6000000,"supply":"armed",
            "reason":"armed_wait","low":true,"meters":["7"],"switch":"relay-1","enabled":true,"tested":false,
            "settings":{"low_credit":{"enabled":true,"threshold_micro":2000000},"suggestion":null}}
            """)
        let lines = UnitShowCommand.lines(unit, width: 40, colour: false)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines[..<2] == ["unit           unit-1", "mode           prepayment"])
        #expect(lines[2..<4] == ["balance        1.00", "available      6.00"])
        #expect(lines.contains("reason         the customer may switch"))
        #expect(lines.contains("low_credit") && !lines.contains("suggestion"))
    }

    private static let credit = """
        {"unit":"unit-1","mode":"prepayment","balance_micro":-150000,"available_micro":3650000,"emergency":
        {"state":"in_use","limit_micro":5000000,"used_micro":1200000,"left_micro":3800000},"arrears_micro":35000000,
        "payment_debt_micro":35000000,"time_debt_micro":0,"accumulated_micro":700000,"tariff":[{"tariff_id":1,
        "standing_micro_per_day":536800,"bands":[{"name":"peak","rate_micro":412000},{"name":"night","rate_micro":179500,
        "from_quantity_wh":8000}]}],"low":true,"as_of_seq":77,"suggested_micro":15000000}
        """

    @Test func creditShow_readsOnAPhone() throws {
        let credit = try Self.json(Self.credit)
        #expect(
            CreditShowCommand.lines(credit, width: 40, colour: false) == [
                "unit          unit-1, prepayment", "low credit    yes: the customer has been",
                "              warned", "emergency     in use",
                "tariff        1: peak 0.412, night", "              0.1795 from 8 kWh a kWh,",
                "              0.5368 a day", "as of record  77", "",
                "balance                            -0.15", "available                           3.65",
                "emergency credit limit              5.00", "emergency credit used               1.20",
                "payment debt                       35.00", "put off                             0.70",
                "suggested top-up                   15.00",
            ])
        #expect(CreditShowCommand.lines(credit, width: 80, colour: false).allSatisfy { $0.count <= 80 })
    }

    @Test func creditReport_alignsItsAmounts() throws {
        let report = try Self.json(
            """
            {"from":"2026-03-02T00:00:00.000Z","to":"2026-03-03T00:00:00.000Z","opening_micro":1000000,
            "additions_micro":20000000,"adjustments_micro":0,"consumption_micro":1888196,"export_micro":0,
            "standing_micro":450000,"vat_micro":116909,"deductions_micro":0,"arrears_micro":2000000,
            "emergency_used_micro":982605,"accumulated_micro":472500,"closing_micro":18000000}
            """)
        #expect(
            CreditReportCommand.lines(report, unit: "unit-1", width: 40) == [
                "unit-1 from 2026-03-02 00:00Z to", "  2026-03-03 00:00Z", "",
                "opening balance                 1.000000", "payments less reversals        20.000000",
                "energy                         -1.888196", "standing charges               -0.450000",
                "VAT                            -0.116909", "debt repaid                    -2.000000",
                "emergency credit used           0.982605", "charges put off                 0.472500",
                "closing balance                18.000000",
            ])
    }

    @Test func supplyShow_givesTheReasonInWords() throws {
        let supply = try Self.json(
            """
            {"unit":"unit-1","enabled":true,"decided":"connected","reason":"friendly_period","ordered":"connect",
            "observed":"connected","since":"2026-03-02T15:00:00.000Z","protected_until":"2026-03-03T08:00:00.000Z"}
            """)
        #expect(
            SupplyShowCommand.lines(supply, width: 40, colour: false) == [
                "unit           unit-1", "decided        connected", "because        supply is not cut at",
                "               these hours", "               (friendly_period)",
                "since          2026-03-02 15:00Z", "ordered        connect", "observed       connected",
                "kept until     2026-03-03 08:00Z", "disconnection  enabled",
            ])
        #expect(SupplyText.reason("a_new_word") == "a_new_word")
        for width in [40, 80] {
            #expect(SupplyShowCommand.lines(supply, width: width, colour: false).allSatisfy { $0.count <= width })
        }
    }

    @Test func supplyTest_namesTheStepThatFailed() throws {
        let result = try Self.json(
            """
            {"unit":"unit-1","passed":false,"steps":[{"step":"open","ok":true,"note":"followed in 0.3 s"},
            {"step":"close","ok":false,"note":"the feedback stayed open"}]}
            """)
        #expect(
            SupplyTestCommand.lines(result, width: 40, colour: false) == [
                "open         ok: followed in 0.3 s", "close        FAILED: the feedback stayed",
                "             open", "supply test  not passed",
            ])
    }

    @Test func requests_onBothWidths() throws {
        let requests =
            try Self.json(
                """
                [{"id":"r-1","command":"payment_add","unit":"unit-1","state":"completed","code":"applied",
                "received_at":"2026-03-02T15:00:00.000Z","execute_at":null},{"id":"a-rather-long-request-id-of-the-cloud",
                "command":"supply_mode_set","unit":"unit-1","state":"rejected","code":"policy",
                "received_at":"2026-03-02T15:00:05.000Z"}]
                """
            ).array ?? []
        let narrow = RequestListCommand.lines(requests, width: 40, colour: false)
        #expect(
            narrow == [
                "2026-03-02 15:00Z payment_add", "  completed unit-1 r-1", "2026-03-02 15:00:05Z supply_mode_set",
                "  rejected unit-1 a-rather-long-request…",
            ])
        let wide = RequestListCommand.lines(requests, width: 80, colour: false)
        #expect(wide.allSatisfy { $0.count <= 80 } && wide[0].hasPrefix("RECEIVED"))
        #expect(RequestListCommand.lines([], width: 40, colour: false) == ["No request matches."])
    }

    @Test func requestShow_tellsTheStory() throws {
        let request = try Self.json(
            """
            {"id":"r-1","command":"supply_mode_set","unit":"unit-1","state":"completed","progress":[
            {"state":"received","at":"2026-03-02T15:00:00.000Z","note":""},
            {"state":"completed","at":"2026-03-02T15:00:02.000Z","note":"applied"}],"attempts":1,
            "execute_at":null,"result":{"seq":9}}
            """)
        let lines = RequestShowCommand.lines(request, width: 80, colour: false)
        #expect(lines[0] == "request               r-1" && lines.suffix(3) == ["", "result", "  seq  9"])
        #expect(lines.contains("2026-03-02 15:00:02Z  completed: applied"))
    }

    @Test func scheduleAndTemplates_fitTheTerminal() throws {
        let scheduled =
            try Self.json(
                #"[{"id":"s-1","command":"tariff_set","unit":"unit-1","execute_at":"2026-07-01T00:00:00Z"}]"#
            ).array ?? []
        #expect(
            ScheduleListCommand.lines(scheduled, width: 40, colour: false) == [
                "2026-07-01 00:00Z tariff_set", "  unit-1 s-1",
            ])
        #expect(ScheduleListCommand.lines(scheduled, width: 80, colour: false).count == 2)
        let template: JSONValue = ["template_id": "t-1", "revision": 3, "name": "new", "actions": [1, 2]]
        let templates: JSONValue = ["templates": [template]]
        #expect(
            TemplateListCommand.lines(templates, width: 40, colour: false) == [
                "TEMPLATE  REVISION  ACTIONS  NAME", "t-1              3        2  new",
            ])
    }

    @Test(arguments: [
        ("20", Int64(20_000_000)), ("12.5", 12_500_000), ("0.000001", 1), ("12.50", 12_500_000), ("0", 0),
    ])
    func amounts_areExact(text: String, micro: Int64) {
        #expect(AmountArgument(argument: text)?.micro == micro)
    }

    @Test(arguments: ["", "-5", "+5", "1.", ".5", "1.0000001", "1e3", "1,5", "12345678901", "1.2.3", " 1", "²"])
    func amounts_thatAreNone_areRefused(text: String) {
        #expect(AmountArgument(argument: text) == nil)
    }

    @Test func textFromOutside_neverSteersTheTerminal() throws {
        let bad: JSONValue = ["unit": "a\u{1B}[2Jb", "decided": "x\u{9B}y", "reason": "\u{202E}z", "enabled": false]
        for line in SupplyShowCommand.lines(bad, width: 40, colour: false) {
            #expect(
                !line.unicodeScalars.contains {
                    $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) || $0.value == 0x202E
                })
        }
        let unit: JSONValue = ["units": [["id": "a\u{7}", "supply": "b\u{1B}", "reason": "c\u{8}", "mode": "d"]]]
        for width in [40, 80] {
            let text = UnitListCommand.lines(unit, width: width, colour: false).joined()
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 })
        }
    }
}
