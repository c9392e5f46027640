import Foundation
import Metering
import Testing

/// Configurations of every broken kind, and a box without one.
@Suite(.serialized) struct BadStartTests {
    private static let sound =
        BoxUnderTest.head(broker: nil, board: "generic-usb") + """
            [[port]]
            name = "a"
            tcp = "127.0.0.1:1"
            framing = "tcp"
            protocol = "modbus"
            [[meter]]
            serial = "SDM-1"
            model = "eastron-sdm630"
            port = "a"
            address = 1

            """

    @Test func check_ofASoundFile_exitsZero() throws {
        let sandbox = try Sandbox()
        let file = try sandbox.write("meterside.toml", Self.sound)
        let run = try sandbox.run(Programs.daemon, ["--check", "--config", file])
        #expect(run.code == 0, "\(run.out)\(run.err)")
    }

    @Test(arguments: [
        ("interval_minutes = 5", "interval_minutes = 7", "box.interval_minutes"),
        ("id = \"SJKGRHDV\"", "id = \"a/b\"", "box.id"), ("clock = \"host\"", "clock = 3", "box.clock"),
        ("board = \"generic-usb\"", "bord = \"x\"", "box.bord"), ("[[port]]", "[[prot]]", "prot"),
        ("tcp = \"127.0.0.1:1\"", "tcp = \"nowhere\"", "port[1].tcp"),
        ("framing = \"tcp\"", "framing = \"ascii\"", "port[1].framing"),
        ("protocol = \"modbus\"", "protocol = \"edmi\"", "port[1].framing"),
        ("port = \"a\"", "port = \"z\"", "meter[1].port"), ("address = 1", "address = 256", "meter[1].address"),
        ("address = 1", "address = 1\npoll_seconds = 0", "meter[1].poll_seconds"),
        ("address = 1", "address = 1\nphases = 2", "meter[1].phases"),
        ("address = 1", "address = 1\nnmi = \"11100290351\"", "meter[1].nmi"),
        ("address = 1", "address = 1\nscale = 0", "meter[1].scale"),
        ("address = 1", "address = 1\nutc_offset = \"10\"", "meter[1].utc_offset"),
        ("address = 1", "address = 1\nutc_offset = \"+10:07\"", "meter[1].utc_offset"),
        ("[[port]]", "[homeassistant]\nprefix = \"home/#\"\n[[port]]", "homeassistant.prefix"),
        ("model = \"eastron-sdm630\"", "model = \"no-such\"", "meter[1].model"),
        ("serial = \"SDM-1\"", "serial = \"SDM 1\"", "meter[1].serial"),
        ("serial = \"SDM-1\"", "serial = \"SDM-1\"\nserial = \"SDM-2\"", "not valid TOML"),
        ("[box]", "[box", "not valid TOML"),
        ("clock = \"host\"", "clock = \"host\"\nzone = \"Mars/Olympus\"", "box.zone"),
        ("[[port]]", "[mqtt]\nurl = \"mqtt://192.0.2.1\"\n[[port]]", "mqtt.url"),
        ("[[port]]", "[mqtt]\nurl = \"http://x\"\n[[port]]", "mqtt.url"),
        ("[[port]]", "[mqtt]\nurl = \"mqtts://x\"\nca = \"/nonexistent\"\n[[port]]", "mqtt.ca"),
    ])
    func check_ofABrokenFile_exitsThreeWithPlaceAndKey(_ old: String, _ new: String, _ key: String) throws {
        let sandbox = try Sandbox()
        #expect(Self.sound.contains(old))
        let text = Self.sound.replacingOccurrences(of: old, with: new)
        let file = try sandbox.write("meterside.toml", text)
        let run = try sandbox.run(Programs.daemon, ["--check", "--config", file])
        #expect(run.code == 3)
        #expect(run.out.contains("meterside.toml:") && run.out.contains(key), "\(run.out)")
    }

    @Test func passwordFile_thatOthersCanRead_isRefusedWithTheCure() throws {
        let sandbox = try Sandbox()
        try sandbox.write("pw", "SECRETCANARY\n", mode: 0o644)
        let text = Self.sound.replacingOccurrences(
            of: "framing = \"tcp\"\nprotocol = \"modbus\"", with: "protocol = \"edmi\""
        )
        .replacingOccurrences(
            of: "model = \"eastron-sdm630\"",
            with: "model = \"edmi-mk10\"\nuser = \"READER\"\npassword_file = \"pw\"")
        let file = try sandbox.write("meterside.toml", text)
        let run = try sandbox.run(Programs.daemon, ["--check", "--config", file])
        #expect(run.code == 3 && run.out.contains("chmod 600") && !run.out.contains("SECRETCANARY"), "\(run.out)")
    }

    @Test func daemon_withoutConfiguration_answersUnconfigured() throws {
        let sandbox = try Sandbox()
        let box = BoxUnderTest(sandbox, scale: 1)
        try box.startDaemon()
        #expect(
            try sandbox.eventually { try box.json("status")?["state"]?.string == "unconfigured" }, "\(box.daemonLog)")
        #expect(try box.json("status")?["version"]?.string?.isEmpty == false)
        let list = try box.cli("meter", "list")
        #expect(list.code == 3, "\(list)")
        #expect(try box.json("version")?["version"]?.string != nil)
    }

    @Test func reload_ofABrokenFile_keepsTheOldOne() throws {
        let sandbox = try Sandbox()
        let box = BoxUnderTest(sandbox, scale: 1)
        try sandbox.write("etc/meterside.toml", Self.sound)
        try box.startDaemon()
        #expect(try sandbox.eventually { try box.json("status") != nil })
        try sandbox.write("etc/meterside.toml", Self.sound + "nonsense = 1\n")
        let check = try box.cli("config", "check")
        #expect(check.code == 3 || check.code == 5, "\(check)")
        box.signal(SIGHUP)
        #expect(sandbox.eventually { box.daemonLog.contains("nonsense") })
        #expect(try box.json("status")?["meters"]?.array?.count == 1)
        try sandbox.write("etc/meterside.toml", Self.sound.replacingOccurrences(of: "SDM-1", with: "SDM-2"))
        box.signal(SIGHUP)
        #expect(
            try sandbox.eventually {
                try box.json("status")?["meters"]?.array?.first?["serial"]?.string == "SDM-2"
            }, "\(box.daemonLog)")
    }

    @Test func twoDaemons_onOneState_secondRefuses() throws {
        let sandbox = try Sandbox()
        let box = BoxUnderTest(sandbox, scale: 1)
        try sandbox.write("etc/meterside.toml", Self.sound)
        try box.startDaemon()
        #expect(try sandbox.eventually { try box.json("status") != nil }, "\(box.daemonLog)")
        let second = try sandbox.run(
            Programs.daemon,
            [
                "--config", sandbox.path("etc/meterside.toml"), "--state", sandbox.path("state"), "--runtime",
                sandbox.path("run2"),
            ])
        #expect(second.code != 0 && second.err.contains("open in another process"), "\(second)")
        #expect(try box.json("status") != nil)
    }

    @Test func meterOfPymodbus_overTcp_isRead() throws {
        let sandbox = try Sandbox()
        let port = Sandbox.freePort()
        _ = try sandbox.start(
            Programs.python, [Programs.support("modbus_slave.py"), "tcp", String(port)], log: "slave")
        #expect(sandbox.eventually { sandbox.text("slave.log").contains("ready") }, "\(sandbox.text("slave.log"))")
        let box = BoxUnderTest(sandbox, scale: 1)
        try sandbox.write(
            "etc/meterside.toml", Self.sound.replacingOccurrences(of: "127.0.0.1:1", with: "127.0.0.1:\(port)"))
        try box.startDaemon()
        #expect(try box.metersAreLive(1), "\(box.daemonLog)")
        let readings = try box.json("meter", "read", "SDM-1")?["readings"]?.array ?? []
        func value(_ channel: String) -> String? {
            readings.first { $0["channel"]?.string == channel }?["value"]?.string
        }
        #expect(value("voltage_l1_v") == "230.5" && value("frequency_hz") == "50" && value("export_wh") == "10250")
        #expect(DecimalValue(text: value("import_wh") ?? "").map { $0.flooredInteger ?? 0 >= 1_234_500 } == true)
    }
}
