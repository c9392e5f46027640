import Control
import Metering
import Testing

@testable import meterside

/// What people see, line by line.
@Suite struct VerbTextTests {
    private static func json(_ text: String) throws -> JSONValue { try JSONReader.read(text) }

    @Test func status_showsBoxMetersAndUnits() throws {
        let status = try Self.json(
            """
            {"box":"SJKGRHDV","version":"0.1.0","state":"degraded","clock":"trusted","mqtt":"connected",
            "journal":{"head":120400,"acknowledged":120399},"meters":[
            {"serial":"217072470","model":"edmi-mk10","port":"a","state":"live",
            "last_reading_at":"2026-11-20T12:00:01.123Z"},
            {"serial":"8812345","model":"eastron-sdm630","port":"b","state":"silent","last_reading_at":null}],
            "units":[{"id":"unit-1","mode":"prepayment","balance_micro":-1234567,
            "supply":"armed","reason":"armed_wait"}]}
            """)
        #expect(
            StatusCommand.lines(status, colour: false) == [
                "metersided 0.1.0",
                "",
                "BOX       STATE     CLOCK    MQTT       JOURNAL  ACKNOWLEDGED",
                "SJKGRHDV  degraded  trusted  connected   120400        120399",
                "",
                "METER      MODEL           PORT  STATE   LAST READING",
                "217072470  edmi-mk10       a     live    2026-11-20 12:00:01Z",
                "8812345    eastron-sdm630  b     silent  -",
                "",
                "UNIT    MODE          BALANCE  SUPPLY  REASON",
                "unit-1  prepayment  -1.234567  armed   armed_wait",
            ])
    }

    @Test func status_onAPhone_isNoWiderThanIt() throws {
        let status = try Self.json(
            """
            {"box":"SJKGRHDV","version":"0.1.0","state":"ok","clock":"trusted","mqtt":"connected",
            "journal":{"head":120400,"acknowledged":120399},"meters":[
            {"serial":"217072470","model":"edmi-mk10","port":"a","state":"live",
            "last_reading_at":"2026-11-20T12:00:01.123Z"}],
            "units":[{"id":"unit-1","mode":"prepayment","balance_micro":-1234567,
            "supply":"armed","reason":"armed_wait"}]}
            """)
        #expect(
            StatusCommand.lines(status, width: 40, colour: false) == [
                "metersided 0.1.0",
                "",
                "box      SJKGRHDV",
                "state    ok",
                "clock    trusted",
                "mqtt     connected",
                "journal  120400, acknowledged to 120399",
                "",
                "217072470                           live",
                "  edmi-mk10, port a",
                "  read 2026-11-20 12:00:01Z",
                "",
                "unit-1                         -1.234567",
                "  armed, armed_wait, prepayment",
            ])
    }

    @Test func status_whenUnconfigured_saysWhatToDo() throws {
        let status = try Self.json(#"{"box":"","version":"0.1.0","state":"unconfigured","meters":[],"units":[]}"#)
        #expect(StatusCommand.lines(status, colour: false).last?.contains("meter scan") == true)
    }

    @Test func doctor_saysWhatToDo_inEightyColumns() throws {
        let result = try Self.json(
            """
            {"checks":[{"name":"clock","state":"ok","message":"synchronised","hint":"never shown"},
            {"name":"meter 8812345","state":"fault",
            "message":"it has not answered for 14 minutes: 28 polls timed out on port b",
            "hint":"check that the meter has power, and that A and B are not swapped"}]}
            """)
        let lines = DoctorCommand.lines(result, colour: false)
        #expect(
            lines == [
                "ok       clock          synchronised",
                "fault    meter 8812345  it has not answered for 14 minutes: 28 polls timed out",
                "                        on port b",
                "                        -> check that the meter has power, and that A and B are",
                "                           not swapped",
                "",
                "2 checks, 1 fault, 0 warnings",
            ])
        #expect(DoctorCommand.hasFault(result))
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func doctor_withoutADaemon_findsThat() {
        let finding = DoctorCommand.finding(CommandFailure(.notRunning("/run/meterside/control.sock")))
        #expect(DoctorCommand.hasFault(finding))
        #expect(DoctorCommand.lines(finding, colour: false).joined().contains("systemctl status metersided"))
    }

    @Test func meterRead_showsValuesUnitsAndAbsence() throws {
        let reading = try Self.json(
            """
            {"serial":"217072470","model":"edmi-mk10","at":"2026-11-20T12:00:01.123Z","clock_offset_s":-3,"readings":[
            {"channel":"import_wh","register":"1E00","value":"20330000","unit":"Wh","quality":"A","at":"…"},
            {"channel":"voltage_l1_v","register":"E000","value":"230.5","unit":"V","quality":"A","at":"…"},
            {"channel":"power_factor","register":"E026","value":null,"unit":"","quality":"N",
            "why":"timeout"}]}
            """)
        #expect(
            MeterReadCommand.lines(reading, colour: false) == [
                "meter 217072470  edmi-mk10  2026-11-20 12:00:01Z  clock -3 s",
                "",
                "REGISTER         VALUE  UNIT  QUALITY  RAW   NOTE",
                "import_wh     20330000  Wh    A        1E00",
                "voltage_l1_v     230.5  V     A        E000",
                "power_factor         -        N        E026  no data: timeout",
            ])
    }

    @Test func meterList_cutsTheModelAndKeepsTheSerial() throws {
        let meter = try Self.json(
            """
            {"serial":"217072470","model":"schneider-iem3000-with-a-long-name","port":"upstairs-left",
            "address":217072470,
            "role":"grid","nmi":null,"state":"silent","last_reading_at":"2026-11-20T12:00:01.123Z"}
            """)
        #expect(
            MeterListCommand.table([meter]).lines() == [
                "SERIAL     MODEL          PORT           ADDRESS    STATE   LAST READING",
                "217072470  schneider-ie…  upstairs-left  217072470  silent  2026-11-20 12:00:01Z",
            ])
    }

    @Test func intervalList_showsValueQualityAndReason() throws {
        let intervals = try Self.json(
            """
            [{"meter":"1","channel":"import_wh","end":"2026-11-20T11:55:00Z","minutes":5,"value_wh":123456,
            "quality":"A",
            "method":"boundary","reason":"","source":"register","revision":0},
            {"meter":"1","channel":"export_varh","end":"2026-11-20T12:00:00Z","minutes":5,"value":"12","unit":"varh",
            "quality":"E","method":"interpolated","reason":"timeout","source":"estimate","revision":12},
            {"meter":"1","channel":"import_wh","end":"2026-11-20T12:00:00Z","minutes":5,"value_wh":null,"quality":"N",
            "method":"none","reason":"clock","source":"register","revision":0}]
            """)
        let lines = IntervalListCommand.table(intervals.array ?? []).lines()
        #expect(
            lines == [
                "END                   CHANNEL       VALUE  UNIT  Q  SOURCE    REV  NOTE",
                "2026-11-20 11:55:00Z  import_wh    123456  Wh    A  register    0  boundary",
                "2026-11-20 12:00:00Z  export_varh      12  varh  E  estimate   12  timeout, int…",
                "2026-11-20 12:00:00Z  import_wh         -  Wh    N  register    0  clock",
            ])
    }

    @Test func survey_joinsItsPieces() throws {
        let first = try Self.json(
            """
            {"serial":"7","minutes":30,"channels":[{"name":"Export Wh Total","unit":"Wh"}],
            "records":[{"end":"2026-03-02T07:30:00Z","values":["125"],"status":[]}]}
            """)
        let second = try Self.json(
            """
            {"serial":"7","minutes":30,"channels":[],
            "records":[{"end":"2026-03-02T08:00:00Z","values":[null],"status":["missing"]}]}
            """
        )
        let whole = MeterSurveyCommand.joined(MeterSurveyCommand.joined(nil, first), second)
        #expect(
            MeterSurveyTable(.object(try #require(whole))).lines(colour: false) == [
                "meter 7  every 30 min  2 records",
                "",
                "                            Export Wh",
                "END                STATUS    Total Wh",
                "2026-03-02 07:30Z  ok             125",
                "2026-03-02 08:00Z  missing          -",
            ])
    }

    @Test func scan_endsWithLinesForTheConfiguration() throws {
        let result = try Self.json(
            """
            {"found":[{"protocol":"edmi","baud":9600,"format":"8N1","address":217072470,"serial":"217072470",
            "model":"edmi-mk10","note":""}],"tried":40}
            """)
        #expect(
            MeterScanCommand.lines(result, port: "a", colour: false) == [
                "PROTOCOL  BAUD  FORMAT    ADDRESS  SERIAL     MODEL      NOTE",
                "edmi      9600  8N1     217072470  217072470  edmi-mk10",
                "",
                "1 meter in 40 tries. For meterside.toml:",
                "",
                "[[meter]]", "serial = \"217072470\"", "model = \"edmi-mk10\"", "port = \"a\"", "address = 217072470",
                "",
            ])
        let nothing = MeterScanCommand.lines(["found": [], "tried": 12], port: "a", colour: false)
        #expect(nothing.joined(separator: " ").hasPrefix("Nothing answered in 12 tries."))
    }

    @Test func events_showTheNewestWithTheirData() throws {
        let record = try Self.json(
            """
            {"seq":120400,"at":"2026-11-20T12:00:00.000Z","kind":"alarm","key":"alarm/2",
            "data":{"alarm":"meter_silent","meter":"8812345"},"hash":"00"}
            """)
        #expect(
            EventsCommand.table([record]).lines() == [
                "AT                       SEQ  KIND   WHAT",
                "2026-11-20 12:00:00Z  120400  alarm  alarm=meter_silent meter=8812345",
            ])
        #expect(
            EventsCommand.line(record)
                == "2026-11-20 12:00:00Z  120400  alarm  alarm=meter_silent meter=8812345")
    }

    @Test func events_sayFirstWhatIsLookedForFirst() throws {
        let record = try Self.json(
            """
            {"data":{"last_reading_at":"2026-11-21T09:22:59.121Z","message":"it is gone","meter":"7",
            "alarm":"meter_silent","port":"a"}}
            """)
        #expect(
            EventsCommand.summary(record)
                == "alarm=meter_silent meter=7 port=a message=it is gone last_reading_at=2026-11-21T09:22:59.121Z")
    }

    @Test func version_tellsWhenTheTwoDiffer() {
        #expect(
            VersionCommand.lines(daemon: ProductVersion.text, reason: "") == [
                "meterside   \(ProductVersion.text)", "metersided  \(ProductVersion.text)",
            ])
        #expect(VersionCommand.lines(daemon: "9.9", reason: "").count == 3)
        #expect(VersionCommand.lines(daemon: nil, reason: "it does not run")[1].hasSuffix("it does not run"))
    }

    @Test func ledgerVerify_whenBroken_warns() throws {
        let good: JSONValue = ["ok": true, "records": 3, "head": 3, "hash": "ab"]
        #expect(
            LedgerVerifyCommand.lines(good, colour: false)
                == ["journal  good", "records  3", "head     3", "hash     ab"])
        let bad: JSONValue = ["ok": false, "records": 3, "head": 3, "hash": "ab", "broken_at": 2]
        let lines = LedgerVerifyCommand.lines(bad, colour: false)
        #expect(lines[0] == "journal  BROKEN")
        #expect(lines[4] == "broken_at  2")
    }

    @Test func configCheck_placesEveryFault() throws {
        let result = try Self.json(
            """
            {"ok":false,"faults":[
            {"file":"m.toml","line":12,"key":"meter[1].poll_seconds","message":"0 is not allowed"}]}
            """
        )
        #expect(
            ConfigCheckCommand.lines(result) == ["m.toml:12: meter[1].poll_seconds: 0 is not allowed", "", "1 fault"])
        #expect(ConfigCheckCommand.lines(["ok": true, "faults": []]) == ["The configuration is good."])
    }

    @Test func commandShow_explainsEveryArgument() throws {
        let command = try Self.json(
            """
            {"name":"time_attest","summary":"Vouches for the clock.","roles":["owner","ops"],"bulk":false,"args":[
            {"name":"time","required":true,"summary":"the time","must_be":"seconds since 1970"}]}
            """)
        #expect(
            CommandShowCommand.lines(command) == [
                "name     time_attest", "summary  Vouches for the clock.", "roles    owner, ops", "bulk     no", "",
                "arguments", "  time (needed)", "    the time: seconds since 1970",
            ])
    }

    @Test func commandSend_statusFollowsTheAnswer() {
        #expect(CommandSendCommand.status(["state": "completed", "code": "applied"]) == .done)
        #expect(CommandSendCommand.status(["state": "scheduled"]) == .done)
        #expect(CommandSendCommand.status(["state": "rejected", "code": "role"]) == .refused)
        #expect(CommandSendCommand.status(["state": "failed", "code": "no_reply"]) == .noReply)
        #expect(CommandSendCommand.status(["state": "failed", "code": "verify_mismatch"]) == .refused)
    }

    @Test func exitStatus_followsTheErrorsWord() {
        let words: [(String, CommandStatus)] = [
            ("no_reply", .noReply), ("timeout", .noReply), ("port_down", .noReply), ("daemon_absent", .noReply),
            ("config", .configuration), ("unconfigured", .configuration), ("usage", .usage),
            ("unknown_meter", .usage), ("upstream", .upstream), ("internal", .bug), ("permission", .refused),
            ("role", .refused), ("busy", .refused), ("something_new", .refused),
        ]
        for (word, status) in words { #expect(CommandStatus(code: word) == status, "\(word)") }
        #expect(CommandStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6])
    }
}
