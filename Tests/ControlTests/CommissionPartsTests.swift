import Foundation
import Metering
import Testing

@testable import meterside

/// The parts of commissioning that need no daemon.
@Suite struct CommissionPartsTests {
    // MARK: Wiring

    /// A reading of three phases at 230 V; each phase with amperes and the angle of its current in degrees.
    private static func reading(
        _ phases: [(amps: Double, degrees: Double)], more: [(String, Double)] = []
    ) -> JSONValue {
        var rows: [(String, Double)] = [("frequency_hz", 50.02)]
        var total = 0.0
        for (index, phase) in phases.enumerated() {
            let number = index + 1
            let power = 230 * phase.amps * cos(phase.degrees * .pi / 180)
            total += power
            rows += [
                ("voltage_l\(number)_v", 230), ("current_l\(number)_a", phase.amps), ("power_l\(number)_w", power),
                ("reactive_l\(number)_var", 230 * phase.amps * sin(phase.degrees * .pi / 180)),
            ]
        }
        rows.append(("power_w", total))
        rows.removeAll { row in more.contains { $0.0 == row.0 } }
        return [
            "readings": .array(
                (rows + more).map { ["channel": .string($0.0), "value": .string(String(format: "%.3f", $0.1))] })
        ]
    }

    private static func findings(
        _ reading: JSONValue, phases: Int = 3, role: String = "grid"
    ) -> [WiringCheck.Finding] {
        WiringCheck(reading, phases: phases, maxAmps: 100, role: role).findings
    }

    private static func direction(_ degrees: [Double], role: String = "grid") -> WiringCheck.Finding? {
        findings(reading(degrees.map { (10, $0) }), phases: degrees.count, role: role).first { $0.check == "direction" }
    }

    @Test(arguments: [
        ([10.0, 20, -5], WiringCheck.Finding.Level.ok, "energy flows in"),
        ([190, 20, -5], .fault, "transformer of L1 is reversed"),
        ([10, -160, -5], .fault, "transformer of L2 is reversed"),
        ([130, -110, 5], .fault, "L1 and L2 are swapped"), ([5, 130, -100], .fault, "L2 and L3 are swapped"),
        ([-115, 10, 125], .fault, "L1 and L3 are swapped"), ([130, 125, 110], .fault, "one phase further"),
        ([-110, -125, -120], .fault, "one phase further"), ([185, 10, 170], .fault, "L1 and L3 are reversed"),
        ([180, 175, 190], .warning, "import and export are swapped"),
        ([-168.7, -168.7, -168.7], .warning, "import and export are swapped"), ([48, 45, 49], .ok, "flows in"),
        ([90, 0, 0], .warning, "fit no single mistake"),
        ([15], .ok, "energy flows in"), ([-170], .warning, "import and export are swapped"),
    ])
    func directions_nameTheMistake(degrees: [Double], level: WiringCheck.Finding.Level, words: String) {
        let finding = Self.direction(degrees)
        #expect(finding?.level == level && finding?.message.contains(words) == true, "\(String(describing: finding))")
    }

    @Test func directions_ofAGenerationMeter_areTheOtherWay() {
        #expect(Self.direction([180, 185, 170], role: "sga")?.level == .ok)
        #expect(Self.direction([0, 185, 170], role: "sga")?.message.contains("L1 is reversed") == true)
        #expect(Self.direction([0, 5, -5], role: "sga")?.level == .warning)
    }

    @Test func tooLittleLoad_isSaidAndNotJudged() {
        let none = Self.findings(Self.reading([(0.1, 180), (0, 0), (0.2, 120)]))
        #expect(none.first { $0.check == "direction" }?.message.contains("too little load") == true)
        let some = Self.findings(Self.reading([(5, 10), (0, 0), (0.2, 120)])).filter { $0.check == "direction" }
        #expect(some.map(\.level) == [.ok, .warning] && some[1].message.contains("only L1"))
    }

    @Test func voltagesAndRatios_thatCannotBe_areFaults() {
        func faults(_ more: [(String, Double)]) -> [String] {
            Self.findings(Self.reading([(10, 0), (10, 0), (10, 0)], more: more)).filter { $0.level == .fault }
                .map(\.check)
        }
        #expect(faults([]) == [])
        #expect(faults([("voltage_l2_v", 0.4), ("power_l2_w", 0)]) == ["voltage"])
        #expect(faults([("voltage_l2_v", 400)]).contains("voltage"))
        #expect(faults([("frequency_hz", 500.2)]) == ["frequency"])
        #expect(faults([("current_l3_a", 400)]) == ["ratio"])
        #expect(faults([("power_l1_w", 23_000)]).contains("ratio"))
        #expect(faults([("voltage_l1_l2_v", 1)]) == ["phases"])
        #expect(faults([("phase_rotation", -1)]) == ["rotation"])
    }

    @Test func aReadingOfNothing_isNoCrash() {
        #expect(Self.findings([:]).map(\.level) == [.warning])
        #expect(Self.findings(["readings": [["channel": "voltage_l1_v", "value": nil]]], phases: 1).count == 1)
        let odd: JSONValue = ["readings": [["channel": "power_w", "value": "nan"], ["channel": 5, "value": "1"]]]
        #expect(!Self.findings(odd).isEmpty)
        let huge = Self.reading([(1e300, 0), (.infinity, 0), (10, 0)])
        #expect(!Self.findings(huge).isEmpty)
    }

    // MARK: Answers

    private static func fault(_ text: String) -> String {
        do {
            _ = try CommissionAnswers(try JSONReader.read(text))
            return ""
        } catch let failure as CommandFailure { return failure.message } catch { return "\(error)" }
    }

    @Test(arguments: [
        (#"{"boxes":{}}"#, "boxes is not known"), (#"{"box":1}"#, "box must be an object"),
        (#"{"ports":{}}"#, "ports must be a list"), (#"{"ports":[1]}"#, "ports must be a list"),
        (#"{"poll_seconds":0}"#, "poll_seconds must be a whole number"),
        (#"{"supply_test":1}"#, "must be true or false"),
        (#"{"site":{"postcode":"260"}}"#, "four digits"), (#"{"site":{"state":"act"}}"#, "must be one of ACT"),
        (#"{"site":{"nmi":"42036798376"}}"#, "should be 2"), (#"{"site":{"nmi":"42036O9837"}}"#, "except O and I"),
        (#"{"site":{"street":"x"}}"#, "site.street is not known"), (#"{"configuration":{"box":{}}}"#, "stands beside"),
        (#"{"login":{"password":"x"}}"#, "login.password is not known"), ("[]", "one JSON object"),
        (#"{"site":{"nmi":""}}"#, "must be a text"),
    ])
    func answers_thatAreWrong_areRefusedByName(text: String, words: String) {
        #expect(Self.fault(text).contains(words), "\(Self.fault(text))")
    }

    @Test func answers_goOnAsTheyWere() throws {
        let text = """
            {"box":{"id":"SJKGRHDV"},"ports":[{"name":"a","device":"/dev/x"}],"meters":[{"serial":"7","port":"a"}],
            "login":{"user":"READER","password_file":"p"},"configuration":{"mqtt":{"url":"mqtt://127.0.0.1"}},
            "site":{"nmi":"42036798376","nmi_override":true,"state":"QLD"},"poll_seconds":5,"supply_test":true,
            "accept_wiring":true}
            """
        let answers = try CommissionAnswers(try JSONReader.read(text))
        #expect(try CommissionAnswers(answers.json) == answers)
        #expect(CommissionAnswers.body(ofNMI: "11100290359") == "1110029035")
    }

    // MARK: Configuration

    @Test func configuration_isWrittenAsTheContractHasIt() throws {
        let answers = try CommissionAnswers([
            "box": ["id": "SJKGRHDV", "zone": "Australia/Sydney"],
            "ports": [["name": "a", "device": "/dev/serial/by-id/x", "baud": 9600, "protocol": "edmi"]],
            "meters": [["serial": "217072470", "port": "a", "addressed": true, "phases": 3]],
            "configuration": [
                "mqtt": ["url": "mqtts://b:8883"],
                "upstream": [
                    "reposit": ["url": "https://r", "key_file": "/k"], "redex": ["inverter": [["serial": "i"]]],
                ],
                "unit": [["id": "unit-1", "meters": ["217072470", "8"], "never_disconnect": false]],
            ],
        ])
        #expect(
            try ConfigurationText(answers: answers).text() == """
                # Made by `meterside commission`. Change it as you like: `metersided --check` says what is wrong.

                [box]
                id = "SJKGRHDV"
                zone = "Australia/Sydney"

                [[port]]
                name = "a"
                device = "/dev/serial/by-id/x"
                baud = 9600
                protocol = "edmi"

                [[meter]]
                serial = "217072470"
                port = "a"
                addressed = true
                phases = 3

                [mqtt]
                url = "mqtts://b:8883"

                [upstream.reposit]
                url = "https://r"
                key_file = "/k"

                [[upstream.redex.inverter]]
                serial = "i"

                [[unit]]
                id = "unit-1"
                meters = ["217072470", "8"]
                never_disconnect = false

                """)
    }

    @Test func configuration_quotesWhatWouldBreakOut() throws {
        let answers = try CommissionAnswers(["box": ["id": "a\"\n[[meter]]\\\u{1}é"]])
        let text = try ConfigurationText(answers: answers).text()
        #expect(text.contains(#"id = "a\"\n[[meter]]\\\u0001é""#))
        for bad: JSONValue in [
            ["box": ["a b": 1]], ["box": ["id": ["x": 1]]], ["configuration": ["a]b": [:]]],
            ["configuration": ["x": 1]],
            ["configuration": ["x": [1]]],
        ] {
            let answers = try CommissionAnswers(bad)
            #expect(throws: CommandFailure.self) { _ = try ConfigurationText(answers: answers).text() }
        }
    }

    // MARK: State

    private static func record(_ seq: Int64, _ step: String, _ state: String, run: Int64 = 1, attempt: Int64 = 1)
        -> JSONValue
    {
        [
            "seq": .integer(seq), "at": .string("2026-03-02T08:00:0\(seq % 10).000Z"),
            "data": [
                "step": .string(step), "state": .string(state), "run": .integer(run), "attempt": .integer(attempt),
                "result": ["summary": "x"],
            ],
        ]
    }

    @Test func state_goesOnWhereItWas() {
        let state = CommissionState([
            "records": [
                Self.record(1, "configuration", "done"), Self.record(2, "meters", "begun"),
                Self.record(3, "meters", "failed"), Self.record(4, "meters", "begun", attempt: 2),
                Self.record(5, "meters", "done", attempt: 2), Self.record(6, "clock", "begun"),
                Self.record(7, "han", "pending"), Self.record(8, "a_step_of_tomorrow", "done"),
            ]
        ])
        #expect(state.isDone(.configuration) && state.isDone(.meters) && !state.isDone(.clock) && !state.isDone(.han))
        #expect(state.isOpen(.clock) && state.isOpen(.han) && !state.isOpen(.polls) && !state.isOpen(.meters))
        #expect(state.attempt(.clock) == 1 && state.attempt(.polls) == 1 && state.attempt(.han) == 1)
        #expect(state.beganAt == "2026-03-02T08:00:01.000Z" && !state.isReported)
    }

    @Test func state_ofANewRun_forgetsTheOld() {
        var state = CommissionState([
            "records": [Self.record(1, "report", "done"), Self.record(2, "meters", "done", run: 2)]
        ])
        #expect(state.run == 2 && !state.isDone(.report) && state.isDone(.meters))
        state.beginAgain()
        #expect(state.run == 3 && !state.isDone(.meters))
        var fresh = CommissionState(["records": []])
        fresh.beginAgain()
        #expect(fresh.run == 1)
    }

    // MARK: Report

    @Test func report_isSignedOverItsCanonicalBytes_andTheHTMLNeedsNothingElse() throws {
        let state = CommissionState([
            "records": [Self.record(1, "configuration", "done"), Self.record(2, "han", "skipped")]
        ])
        var answers = CommissionAnswers()
        answers.site = ["street_number": "1", "street_name": "<script>alert('x')</script> \"St\"", "nmi": "1110029035"]
        let report = CommissionReport(
            state: state, answers: answers, status: ["box": "BOX & SON", "version": "1"],
            head: ["seq": 2, "hash": "ab"])
        let signed = try report.signed(by: Array(1...32))
        #expect(signed["report"]?["steps"]?.array?.count == 2)
        #expect(signed["signature"]?["value"]?.string?.count == 88)
        let again = try report.signed(by: Array(1...32))
        #expect(signed == again)
        let page = CommissionPage.html(signed)
        #expect(!page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("BOX &amp; SON"))
        #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("src="))
        let lines = CommissionReport.lines(signed, width: 40, colour: false)
        #expect(lines.contains("– bound to the utility's meter: x"))
        #expect(lines.allSatisfy { $0.count <= 80 })
    }
}
