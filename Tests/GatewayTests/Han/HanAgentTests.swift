import Drivers
import Metering
import Testing

@testable import Gateway

/// The home area network in the whole agent: commands, the meter it is compared with, restart and reconfiguration.
@Suite struct HanAgentTests {
    /// What the adapter says, as its thread would tell it.
    private func fragments(_ text: String) -> [Input] {
        var splitter = HanSplitter()
        return splitter.feed(text.utf8).map { piece in
            switch piece {
            case .element(let element): .han(.fragment(HanDecoder().decode(element)))
            case .damage(let word): .han(.damage(word))
            }
        }
    }

    private let device = "<DeviceInfo><DeviceMacId>0xd8d5b90000001234</DeviceMacId></DeviceInfo>"
    private let list = "<MeterList><DeviceMacId>0xd8d5b90000001234</DeviceMacId></MeterList>"
    private let connected = "<ConnectionStatus><Status>Connected</Status></ConnectionStatus>"

    private func summation(_ wattHours: Int64) -> String {
        """
        <CurrentSummationDelivered><MeterMacId>0x00158d00000000aa</MeterMacId>\
        <SummationDelivered>\(wattHours)</SummationDelivered><Multiplier>1</Multiplier><Divisor>1000</Divisor>\
        </CurrentSummationDelivered>
        """
    }

    private func configuration(hasPowerBox: Bool, device: String = "/dev/han") throws -> GatewayConfiguration {
        var configuration = BenchMeters.configuration([try BenchMeters.meter("M1")], hostClock: true)
        configuration.han = HanSettings(
            device: device, meter: MeterSerial("M1"), hasInstallCode: true, hasPowerBox: hasPowerBox)
        configuration.systems = hasPowerBox ? ["powerbox"] : []
        return configuration
    }

    private func send(_ command: String, args: String = "{}", id: String) -> Input {
        let payload = Array(#"{"jti":"\#(id)","aud":"BENCH","sub":"BENCH","cmd":"\#(command)","args":\#(args)}"#.utf8)
        return .command(
            Envelope(payload: payload, payloadHash: id, signature: .local(.installer, uid: 7)), token: 5)
    }

    @Test func bindByCommand_waitsForPowerBoxAndAnswersAccepted() throws {
        let meter = ScriptedMeter()
        var bench = Bench(try configuration(hasPowerBox: true)) { meter.answer($0, $1) }
        bench.give(.wake)
        bench.give(.han(.up))
        for input in fragments(list + device) { bench.give(input) }
        var orders: [UpstreamOrder] = []
        var written: [JournalKind] = []
        for effect in bench.agent.handle(send("han_bind", id: "b1"), at: bench.moment) {
            if case .append(let draft) = effect { written.append(draft.kind) }
            if case .upstream(let order) = effect {
                // Everything is recorded before it goes out.
                #expect(written.contains(.commandReceived) && written.contains(.hanState))
                orders.append(order)
            }
        }
        #expect(orders.map(\.operation) == ["bind"])
        #expect(bench.answers.isEmpty)
        bench.give(.upstream(id: "b1", .success(["state": "accepted"])))
        let result = try bench.value(5)
        #expect(result["state"] == "completed" && result["result"]?["bind"]?["state"] == "accepted")
        bench.give(send("han_bind_status_get", id: "s1"))
        #expect(try bench.value(5)["result"]?["state"] == "accepted")
    }

    @Test func withoutASection_commandAndStatusSayWhy() throws {
        var configuration = try configuration(hasPowerBox: false)
        configuration.han = nil
        let meter = ScriptedMeter()
        var bench = Bench(configuration) { meter.answer($0, $1) }
        bench.give(send("han_bind", id: "b1"))
        #expect(try bench.value(5)["code"] == "unsupported")
        bench.give(.request(.hanStatus, token: 6))
        #expect(bench.failure(6)?.code == "unsupported")
    }

    @Test func registers_areComparedWithTheConfiguredMeter() throws {
        let meter = ScriptedMeter(imported: 1_000_000, perSecond: 1)
        var bench = Bench(try configuration(hasPowerBox: false)) { meter.answer($0, $1) }
        bench.give(.wake)
        bench.give(.han(.up))
        for input in fragments(list + device + connected) { bench.give(input) }
        for minute in 0..<300 {
            bench.pass(seconds: 60)
            let wattHours = 7_000_000 + bench.elapsed / 1_000_000 * (minute < 120 ? 1 : 2)
            for input in fragments(connected + summation(wattHours)) { bench.give(input) }
        }
        #expect(bench.alarms.filter { $0 == "han_drift" }.count == 1)
        bench.give(.request(.hanStatus, token: 9))
        let drift = try bench.value(9)["drift"]
        #expect(drift?["drifting"] == true && drift?["meter"] == "M1")
    }

    @Test func reconfiguration_keepsTheAdapter_andRestartKeepsTheBinding() throws {
        let meter = ScriptedMeter()
        var bench = Bench(try configuration(hasPowerBox: false)) { meter.answer($0, $1) }
        bench.give(.wake)
        bench.give(.han(.up))
        for input in fragments(list + device + connected + summation(5000)) { bench.give(input) }
        bench.give(.reconfigure(try configuration(hasPowerBox: true), keys: []))
        bench.give(.request(.hanStatus, token: 1))
        let status = try bench.value(1)
        #expect(status["adapter"] == "up" && status["bind"]?["state"] == "bound")
        #expect(status["bind"]?["through"] == "powerbox")
        bench.give(.reconfigure(try configuration(hasPowerBox: true, device: "/dev/other"), keys: []))
        bench.give(.request(.hanStatus, token: 2))
        #expect(try bench.value(2)["adapter"] == "down")
        #expect(try bench.value(2)["bind"]?["state"] == "bound")
        // Taken out of the configuration and put back: it is not as it was at the start.
        var without = try configuration(hasPowerBox: true)
        without.han = nil
        bench.give(.reconfigure(without, keys: []))
        bench.give(.reconfigure(try configuration(hasPowerBox: true), keys: []))
        bench.give(.request(.hanStatus, token: 4))
        #expect(try bench.value(4)["bind"]?["state"] == "bound")
        var recovered = RecoveredState.empty
        recovered.head = Int64(bench.journal.count)
        recovered.han = bench.records(.hanState).last
        var again = Bench(try configuration(hasPowerBox: true), recovered: recovered) { meter.answer($0, $1) }
        again.give(.request(.hanStatus, token: 3))
        #expect(try again.value(3)["bind"]?["state"] == "bound")
    }
}
