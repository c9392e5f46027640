import Metering
import Simulator
import Testing
import Toml

@Suite struct BoardOrderTests {
    private let plan = BoardPlan.standard(seed: 1)

    @Test func init_ofEveryOrderInTheHelp_reads() throws {
        #expect(try BoardOrder("unplug a", plan: plan) == .unplug(port: "a"))
        #expect(try BoardOrder("plug b", plan: plan) == .plug(port: "b"))
        #expect(try BoardOrder("silent 217072470 60", plan: plan) == .silent(serial: "217072470", seconds: 60))
        #expect(try BoardOrder("garble b 5", plan: plan) == .garble(port: "b", replies: 5))
        #expect(try BoardOrder("refuse 251308613", plan: plan) == .refuse(serial: "251308613"))
        #expect(try BoardOrder("accept 251308613", plan: plan) == .accept(serial: "251308613"))
        #expect(try BoardOrder(" clock  19210345 -3600", plan: plan) == .clock(serial: "19210345", seconds: -3600))
        #expect(
            try BoardOrder("press arm 5", plan: plan) == .press(relay: "relay-1", .arm, seconds: 5))
        for fate in RelayFate.allCases {
            #expect(try BoardOrder("\(fate.rawValue) relay-1", plan: plan) == .relay("relay-1", fate))
        }
        #expect(try BoardOrder("silent relay-1 60", plan: plan) == .silent(serial: "relay-1", seconds: 60))
        #expect(try BoardOrder("stats", plan: plan) == .stats)
        #expect(try BoardOrder("help", plan: plan) == .help)
        #expect(try BoardOrder("quit", plan: plan) == .quit)
    }

    @Test(
        arguments: [
            ("unplug c", "a, b"), ("unplug", "a, b"), ("silent 1 60", "217072470"), ("silent 217072470 0", "from 1 on"),
            ("silent 217072470", "SERIAL SECONDS"), ("garble b many", "PORT COUNT"), ("explode", "unplug PORT"),
            ("weld relay-2", "relay-1"), ("press bell 3", "emergency, arm, next"), ("press arm", "BUTTON SECONDS"),
            ("refuse relay-1", "217072470"),
        ])
    func init_ofAWrongOrder_saysWhatIsAllowed(line: String, allowed: String) {
        do throws(BoardOrder.Fault) {
            let order = try BoardOrder(line, plan: plan)
            Issue.record("\(line) was taken as \(order)")
        } catch {
            #expect(error.message.contains(allowed), "\(error.message)")
        }
    }

    @Test func text_ofTheStarterConfiguration_namesEveryMeterAndItsPort() throws {
        var starter = StarterConfiguration(box: "SIM00001", mqtt: "mqtt://127.0.0.1:1883")
        starter.skipsTurnaround = true
        let root = try Toml.read(starter.text(for: plan) { "/dev/port-\($0.name)" }, file: "meterside.toml")
        let reader = SettingsReader(root, file: "meterside.toml")
        #expect(reader.table("mqtt")?.take("url", .text()) == "mqtt://127.0.0.1:1883")
        #expect(reader.tables("port").map { $0.take("device", .text()) } == ["/dev/port-a", "/dev/port-b"])
        let meters = reader.tables("meter")
        #expect(meters.map { $0.take("serial", .text()) } == ["217072470", "251308613", "19210345"])
        #expect(meters.map { $0.take("port", .text()) } == ["a", "a", "b"])
        #expect(meters.map { $0.take("addressed", .flag) } == [true, true, nil])
        #expect(meters.map { $0.take("turnaround_ms", .integer(0...5000)) as Int? } == [0, 0, 0])
        #expect(reader.tables("switch").map { $0.take("name", .text()) } == ["relay-1"])
        #expect(reader.tables("unit").map { $0.take("switch", .text()) } == ["relay-1"])
        #expect(reader.tables("unit").map { $0.take("buttons", .text()) } == ["modbus:b:7:1,2,3"])
    }

    @Test func with_modbusUnits_putsThemAtUnitsFromOne() {
        let ports = plan.with(modbusUnits: 100).ports
        #expect(ports[0].meters.count == 2)
        #expect(ports[1].meters.map(\.address) == (1...100).map { UInt32($0) })
        #expect(Set(ports[1].meters.map(\.serial)).count == 100)
    }
}
