import Control
import Foundation
import Metering
import Testing

/// `interval …` and `meter survey`, the real program against a daemon whose clock is elsewhere.
@Suite struct IntervalProgramTests {
    private static func daemon() throws -> ThreadedServer {
        try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            switch call.method {
            case "version": server.answer(call.token, ["version": "1", "at": "2031-05-06T07:08:09.000Z"])
            case "interval.gaps":
                let meter = call.parameters.string("meter") ?? "all"
                server.answer(
                    call.token,
                    [
                        [
                            "meter": .string(meter), "channel": "import_wh", "from": "2031-05-06T07:00:00Z",
                            "to": "2031-05-06T07:05:00Z", "intervals": 1, "why": "off", "next_try_at": nil,
                        ]
                    ])
            case "interval.list":
                guard call.parameters.string("channel") == "import_wh", let to = call.parameters.time("to") else {
                    return server.answer(call.token, [])
                }
                let end = WallTime(seconds: to.seconds.flooredQuotient(by: 300) * 300)
                server.answer(
                    call.token,
                    [
                        [
                            "meter": "7", "channel": "import_wh", "end": .string(end.textSeconds), "minutes": 5,
                            "value_wh": 100, "quality": "A", "method": "boundary", "reason": "", "revision": 0,
                        ]
                    ])
            default:
                server.answer(
                    call.token,
                    [
                        "serial": "7", "minutes": 5, "channels": [["name": "Wh", "unit": ""]],
                        "records": [
                            ["end": call.parameters.members["from"] ?? nil, "values": ["1"], "status": []]
                        ],
                    ])
            }
        }
    }

    private static func run(_ daemon: ThreadedServer, _ arguments: String...) throws -> Program.Outcome {
        try Program.run(
            Program.meterside, arguments,
            environment: ["METERSIDE_SOCKET": daemon.folder.file("control.sock"), "TERM": "xterm"])
    }

    @Test func plot_countsFromTheBoxsClock_andIsPlainWhereNobodyLooks() throws {
        let said = try Self.run(Self.daemon(), "interval", "list", "--meter", "7", "--plot")
        #expect(said.status == 0 && said.errors.isEmpty)
        let lines = said.output.components(separatedBy: "\n")
        #expect(lines[0] == "meter 7  import_wh  2031-05-05 07:08:09Z to 2031-05-06 07:08:09Z")
        #expect(said.output.contains("█") && !said.output.contains("\u{1B}"))
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func plot_ofNothing_orOfTooMuch_saysSo() throws {
        let daemon = try Self.daemon()
        let nothing = try Self.run(daemon, "interval", "list", "--meter", "7", "--plot", "--channel", "export_wh")
        #expect(nothing.status == 0 && nothing.output.contains("No intervals of this channel"))
        let long = try Self.run(daemon, "interval", "list", "--meter", "7", "--plot", "--from", "-8d")
        #expect(long.status == 2 && long.output.isEmpty && long.errors.contains("at most a week"))
        let both = try Self.run(daemon, "interval", "list", "--meter", "7", "--plot", "--json")
        #expect(both.status == 2 && both.output.contains(#""code":"usage""#))
    }

    @Test func list_withAnEndAlone_beginsADayBefore() throws {
        let said = try Self.run(
            Self.daemon(), "interval", "list", "--meter", "7", "--channel", "import_wh", "--to", "2031-05-01", "--json")
        #expect(said.status == 0 && said.output.contains(#""end":"2031-05-01T00:00:00Z""#))
        #expect(said.output.components(separatedBy: #""end""#).count == 2)
    }

    @Test func gaps_passTheMeter_andPrintTheContractsList() throws {
        let daemon = try Self.daemon()
        let json = try Self.run(daemon, "interval", "gaps", "--meter", "217", "--json")
        #expect(
            json.output
                == #"[{"meter":"217","channel":"import_wh","from":"2031-05-06T07:00:00Z","to":"2031-05-06T07:05:00Z","#
                + #""intervals":1,"why":"off","next_try_at":null}]"# + "\n")
        let text = try Self.run(daemon, "interval", "gaps")
        #expect(text.status == 0 && text.output.contains("import_wh: the agent was not running"))
    }

    @Test func survey_csv_isOneHeadingForAllPieces() throws {
        let daemon = try Self.daemon()
        let said = try Self.run(daemon, "meter", "survey", "7", "--from", "-20d", "--csv")
        #expect(said.output == "end,status,Wh\n2031-04-16T07:08:09.000Z,,1\n2031-04-30T07:08:09.000Z,,1\n")
        let both = try Self.run(daemon, "meter", "survey", "7", "--csv", "--json")
        #expect(both.status == 2)
    }
}
