import Control
import Foundation
import Metering
import Testing

@testable import meterside

/// `meterside nem12 export`, the real program against a daemon with a known past.
@Suite struct Nem12ExportTests {
    /// 2026-03-02T00:00 market time.
    private static let midnight: Int64 = 1_772_373_600

    /// What the daemon keeps: two channels of the grid meter, five minutes each.
    /// - Parameter number: of the interval since `midnight`, from 1.
    private static func interval(_ number: Int64) -> [JSONValue] {
        let end = WallTime(seconds: midnight + number * 300).textSeconds
        func item(
            _ channel: String, _ value: Int64?, _ quality: String, _ method: String, _ reason: String
        ) -> JSONValue {
            var object: JSONObject = ["meter": "217072470", "channel": .string(channel), "end": .string(end)]
            object["minutes"] = 5
            if channel.hasSuffix("_wh") {
                object["value_wh"] = JSONValue(value)
            } else {
                object["value"] = JSONValue(value.map { String($0) })
                object["unit"] = "varh"
            }
            for (name, word) in [("quality", quality), ("method", method), ("reason", reason), ("source", "register")] {
                object[name] = .string(word)
            }
            object["revision"] = 0
            return .object(object)
        }
        switch number {
        case 10...12: return [item("import_wh", nil, "N", "none", "off"), item("import_varh", nil, "N", "none", "off")]
        case 20:
            return [
                item("import_wh", 77, "E", "interpolated", "timeout"),
                item("import_varh", 3, "S", "14", "solar, \"flare\""),
            ]
        case 30:
            return [item("import_wh", 5, "A", "survey", "power_failed"), item("import_varh", 0, "A", "survey", "")]
        case 40: return []
        default: return [item("import_wh", number, "A", "boundary", ""), item("import_varh", 2, "A", "boundary", "")]
        }
    }

    /// Two days of data up to `now`, a day and a bit later.
    private static func daemon(now: String = "2026-03-03T15:00:00.000Z") throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "version": server.answer(call.token, ["version": "1", "at": .string(now)])
            case "meter.list":
                server.answer(
                    call.token,
                    [
                        "meters": [
                            ["serial": "251308613", "role": "solar", "nmi": "1110029035"],
                            ["serial": "217072470", "role": "grid", "nmi": "1110029035"],
                            ["serial": "19210345", "role": "grid", "nmi": nil],
                            ["serial": "8812345", "role": "grid", "nmi": "1110029037"],
                        ]
                    ])
            default:
                guard let from = call.parameters.time("from")?.seconds, let to = call.parameters.time("to")?.seconds,
                    call.parameters.string("meter") == "217072470"
                else { return server.answer(call.token, []) }
                let numbers = ((from - midnight) / 300 + 1)...((to - midnight) / 300)
                server.answer(
                    call.token, .array(numbers.filter { (1...576).contains($0) }.flatMap(Self.interval)))
            }
        }
    }

    private static func run(_ daemon: ThreadedServer, _ arguments: [String]) throws -> Program.Outcome {
        try Program.run(
            Program.meterside, ["nem12", "export", "--nmi", "1110029035"] + arguments,
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
    }

    @Test func export_ofInstants_meansTheDaysTheyBeginAndEnd() throws {
        let daemon = try Self.daemon()
        let days = try Self.run(daemon, ["--from", "2026-03-02", "--to", "2026-03-03"])
        for (from, to) in [
            ("2026-03-01T14:00:00Z", "2026-03-03T14:00:00Z"), ("2026-03-02T00:00:00+10:00", "2026-03-03T05:00:00Z"),
        ] {
            let instants = try Self.run(daemon, ["--from", from, "--to", to])
            #expect(instants.status == 0 && instants.output == days.output, "\(instants.errors)")
        }
    }

    @Test func export_givesRecordsOfTheFormat_andSaysWhoseFlagsTheyAre() throws {
        let said = try Self.run(Self.daemon(), ["--from", "2026-03-02", "--to", "2026-03-03"])
        #expect(said.status == 0, "\(said.errors)")
        let lines = said.output.components(separatedBy: "\r\n")
        #expect(lines[0] == "100,NEM12,202603040100,METERSIDE,CUSTOMER")
        #expect(lines[1] == "200,1110029035,E1Q1,,E1,,217072470,kWh,5,")
        #expect(lines[2].hasPrefix("300,20260302,0.001,0.002,") && lines[2].hasSuffix(",0.288,V,,,20260304010000,"))
        #expect(
            Array(lines[3...12]) == [
                "400,1,9,A,,", "400,10,12,N,85,", "400,13,19,A,,", "400,20,20,E17,76,", "400,21,29,A,,",
                "400,30,30,A,79,", "400,31,39,A,,", "400,40,40,N,78,", "400,41,288,A,,",
                lines[12],
            ])
        #expect(lines[12].hasPrefix("300,20260303,0.289,") && lines[12].hasSuffix(",0.576,A,,,20260304010000,"))
        #expect(lines[13] == "200,1110029035,E1Q1,,Q1,,217072470,kVArh,5,")
        #expect(lines.contains("400,20,20,S14,0,solar flare"))
        #expect(Array(lines.suffix(2)) == ["900", ""])
        #expect(said.errors.contains("this box's own statement") && said.errors.contains("2 days of NMI 1110029035"))
    }

    @Test func export_isGoodByItsOwnCheck() throws {
        let daemon = try Self.daemon()
        let file = daemon.folder.file("out.csv")
        // With check digit, and a day before the box knew anything: it is written as null, not left out.
        let said = try Program.run(
            Program.meterside,
            [
                "nem12", "export", "--nmi", "11100290359", "--from", "2026-03-01", "--to", "-1d", "--out", file,
                "--socket", daemon.folder.file("control.sock"), "--from-participant", "BOX", "--to-participant", "ME",
            ])
        #expect(said.status == 0 && said.output.isEmpty, "\(said.errors)")
        #expect(said.errors.split(separator: "\n").allSatisfy { $0.count <= 80 })
        let checked = try Program.run(Program.meterside, ["nem12", "check", file, "--json"])
        #expect(
            checked.output == #"{"ok":true,"nmis":1,"days":3,"readings":1728,"fault_count":0,"faults":[]}"# + "\n")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains("300,20260301,0.000,") && text.contains(",N,78,,20260304010000,"))
        let again = try Self.run(daemon, ["--from", "2026-03-02", "--to", "2026-03-02", "--out", file])
        #expect(again.status == 2 && again.errors.contains("exists already"))
    }

    @Test(.enabled(if: Program.pythonWithNemreader != nil, "needs a Python with nemreader: run packaging/setup"))
    func export_isReadByNemreader() throws {
        let daemon = try Self.daemon()
        let file = daemon.folder.file("out.csv")
        let said = try Self.run(daemon, ["--from", "2026-03-02", "--to", "2026-03-03", "--out", file])
        #expect(said.status == 0)
        let script = Program.root.appending(path: "Tests/Support/read_nem12.py").path
        let read = try Program.run(try #require(Program.pythonWithNemreader), [script, file])
        let lines = read.output.split(separator: "\n").map(String.init)
        #expect(lines.count == 4 * 288)
        var expected: [String] = []
        for number in Int64(1)...576 {
            let end = WallTime(seconds: Self.midnight + 36_000 + number * 300).textSeconds.dropLast()
            switch number {
            case 10...12, 40: expected.append("E1 \(end) 0 N")
            case 20: expected.append("E1 \(end) 77000 E17")
            case 30: expected.append("E1 \(end) 5000 A")
            default: expected.append("E1 \(end) \(number * 1000) A")
            }
        }
        #expect(Array(lines.prefix(576)) == expected)
        #expect(lines[576 + 19].hasSuffix(" 3000 S14"))
    }

    @Test func severalMeters_haveStreamsOfTheirOwn() throws {
        let daemon = try Self.daemon()
        let said = try Self.run(
            daemon, ["--from", "2026-03-03", "--meter", "217072470", "--meter", "251308613"])
        // In the order of the configuration; the first had nothing to say.
        #expect(said.status == 0 && said.output.contains("200,1110029035,E2Q2,,E2,,217072470,kWh,5,"), "\(said.errors)")
        #expect(said.errors.contains("251308613 has no interval in these days"))
    }

    @Test func dayThatIsNotOver_isRefused() throws {
        let daemon = try Self.daemon(now: "2026-03-03T13:59:59.000Z")
        let said = try Self.run(daemon, ["--from", "2026-03-02", "--to", "2026-03-03"])
        #expect(said.status == 2 && said.output.isEmpty)
        #expect(said.errors.contains("2026-03-03 is not over yet") && said.errors.contains("over is 2026-03-02"))
    }

    @Test func lastIntervals_thatMayStillCome_areWaitedFor() throws {
        // A minute after midnight the day's last intervals are not all stated.
        let daemon = try Self.daemon(now: "2026-03-04T14:01:00.000Z")
        let said = try Self.run(daemon, ["--from", "2026-03-04", "--to", "2026-03-04"])
        #expect(said.status == 5 && said.output.isEmpty && said.errors.contains("try again"))
    }

    @Test func mistakes_sayWhatToDo() throws {
        let daemon = try Self.daemon()
        func errors(_ arguments: [String]) throws -> (Int32, String) {
            let said = try Program.run(
                Program.meterside, ["nem12", "export"] + arguments,
                environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock")])
            #expect(said.output.isEmpty)
            return (said.status, said.errors)
        }
        let digit = try errors(["--nmi", "11100290350"])
        #expect(digit.0 == 2 && digit.1.contains("should be 9"))
        let other = try errors(["--nmi", "1110029036"])
        #expect(other.0 == 2 && other.1.contains("`nmi` of the [[meter]]"))
        let unknown = try errors(["--nmi", "1110029035", "--meter", "5"])
        #expect(unknown.0 == 2 && unknown.1.contains("meter list"))
        let foreign = try errors(["--nmi", "1110029035", "--meter", "8812345"])
        #expect(foreign.0 == 2 && foreign.1.contains("1110029037"))
        let empty = try errors(["--nmi", "1110029035", "--meter", "19210345"])
        #expect(empty.0 == 5 && empty.1.contains("no interval"))
        let order = try errors(["--nmi", "1110029035", "--from", "2026-03-02", "--to", "2026-03-01"])
        #expect(order.0 == 2 && order.1.contains("not be after"))
        let long = try errors(["--nmi", "1110029035", "--from", "2020-01-01"])
        #expect(long.0 == 2 && long.1.contains("several files"))
        let name = try errors(["--nmi", "1110029035", "--from", "2026-03-02", "--to-participant", "a,b"])
        #expect(name.0 == 5 && name.1.contains("ToParticipant"))
    }

    @Test func mark_ofEveryWord_isOneTheWriterTakes() {
        for quality in ["A", "E", "F", "N", "S", "V", "?"] {
            for method in ["boundary", "interpolated", "none", "14", "99", ""] {
                for reason in NoData.allCases.map(\.rawValue) + ["", "none", "power_failed", "76", "0", ",\"", "new"] {
                    let mark = Nem12Marking.mark(
                        ["quality": .string(quality), "method": .string(method), "reason": .string(reason)],
                        hasValue: quality != "N")
                    let hasMethod = ["E", "F", "S"].contains(mark.quality.rawValue)
                    #expect((mark.method > 0) == hasMethod && mark.quality != .varies, "\(quality) \(method) \(reason)")
                    #expect(mark.reason != 0 || !mark.text.isEmpty)
                    #expect(mark.reason != nil || ["A", "E"].contains(mark.quality.rawValue))
                }
            }
        }
    }

    @Test func day_isAMarketDay() {
        let now = WallTime(text: "2026-03-02T14:00:00Z") ?? WallTime(seconds: 0)
        #expect(DayArgument(argument: "2026-03-02")?.day(now: now) == 20_514)
        #expect(DayArgument(argument: "today")?.day(now: now) == 20_515)
        #expect(DayArgument(argument: "yesterday")?.day(now: now + -1) == 20_513)
        #expect(DayArgument(argument: "-7d")?.day(now: now) == 20_508)
        for text in ["", "2026-02-30", "-d", "--1d", "-99999999d", "7d", "2026-03-02T"] {
            #expect(DayArgument(argument: text) == nil, "\(text)")
        }
    }
}
