import Metering
import Testing

@testable import meterside

@Suite struct HanTextTests {
    private let status: JSONValue = [
        "device": "/dev/serial/by-id/usb-emu", "adapter": "up", "why": .null, "state": "bound",
        "status": "Connected", "mac": "d8d5b90000001234", "install_code": "differs",
        "radio": ["channel": 20, "link_strength": 88],
        "bind": [
            "state": "accepted", "since": "2026-03-02T10:00:00Z", "detail": .null, "late": true, "through": "powerbox",
            "han_meter": "00158d00000000aa",
        ],
        "demand": ["value": "-1.25", "unit": "kW", "at": "2026-03-02T10:00:00.000Z"],
        "summation": ["delivered": "12328.282", "received": "3", "unit": "kWh", "at": "2026-03-02T10:00:00.000Z"],
        "price": ["value": "0.3125", "label": "Flat"], "message": ["text": "Peak\u{1B}[31m tonight"],
        "time": ["utc": "2026-03-02T10:00:00Z", "offset_s": -3],
        "drift": [
            "han_wh": 1, "meter_wh": 2, "difference_wh": 1500, "bound_wh": 1040, "drifting": true,
            "meter": "217072470", "since": "2026-03-01T10:00:00Z",
        ],
        "counters": ["fragments": 11, "damaged": 2, "timeouts": 1],
    ]

    @Test func status_onANarrowTerminal_staysWithinIt() {
        for width in [40, 60, 80] {
            let lines = HanStatusCommand.lines(status, width: width, colour: false)
            #expect(lines.allSatisfy { $0.count <= max(width, 40) }, "\(lines)")
        }
    }

    @Test func status_saysWhatMatters() {
        let text = HanStatusCommand.lines(status, width: 200, colour: false).joined(separator: "\n")
        #expect(text.contains("NOT the adapter's"))
        #expect(text.contains("bound (Connected)"))
        #expect(text.contains("accepted since 2026-03-02T10:00:00Z; it usually takes 15 minutes"))
        #expect(text.contains("-1.25 kW") && text.contains("12328.282 kWh") && text.contains("88 of 100"))
        #expect(text.contains("1500 Wh of 1040 Wh allowed, against meter 217072470"))
        // What the utility sends cannot write to the terminal's controls.
        #expect(!text.contains("\u{1B}"))
    }

    @Test func checkCode_says_whatTheContractSays() {
        let good = HanCheckCodeCommand.check(Array("83FED3407A932B70".utf8))
        #expect(good.json == ["ok": true, "bytes": 8, "crc_ok": true, "why": .null])
        let wrong = HanCheckCodeCommand.check(Array("83FED3407A932B71".utf8))
        #expect(wrong.code == nil && wrong.json["crc_ok"] == false && wrong.json["fault"] == "crc")
        let short = HanCheckCodeCommand.check(Array("83FED3".utf8))
        #expect(short.json["bytes"] == 3 && short.json["crc_ok"] == .null && short.json["fault"] == "length")
        let odd = HanCheckCodeCommand.check(Array("83FED34 xyz".utf8))
        #expect(odd.json["fault"] == "digit" && odd.json["bytes"] == .null)
    }
}

/// How the verbs about upstream systems end (contract §7).
@Suite struct UpstreamStatusTests {
    @Test(arguments: [
        ("completed", "applied", nil, CommandStatus.done), ("rejected", "precondition", "bind_under_way", .refused),
        ("rejected", "role", "key_role", .refused), ("rejected", "precondition", "http_404", .upstream),
        ("rejected", "precondition", "meter_already_bound", .upstream), ("failed", "no_reply", "unknown", .upstream),
    ])
    func bind_endsAsWhoeverRefusedIt(state: String, code: String, detail: String?, status: CommandStatus) {
        let result: JSONValue = [
            "command": "han_bind", "state": .string(state), "code": .string(code), "detail": JSONValue(detail),
        ]
        #expect(HanOrder.status(result) == status)
    }

    @Test(arguments: [("reposit_validate", CommandStatus.upstream), ("supply_mode_set", .noReply)])
    func sentCommand_withoutAReply_saysWhoseItIs(command: String, status: CommandStatus) {
        let result: JSONValue = ["command": .string(command), "state": "failed", "code": "no_reply"]
        #expect(CommandSendCommand.status(result) == status)
    }
}
