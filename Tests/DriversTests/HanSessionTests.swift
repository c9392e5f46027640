import Drivers
import Metering
import Testing

@Suite struct HanSessionTests {
    private let list = HanText.read(HanText.fragment("MeterList", [("DeviceMacId", "0x00158d0000000004")])).fragments[0]
    private let price = HanText.read(HanText.fragment("PriceCluster", [("Price", "0xffffffff")])).fragments[0]

    private func started() -> HanSession {
        var session = HanSession()
        session.reset(at: .init(microseconds: 0))
        _ = session.advance(at: .init(microseconds: 0))
        _ = session.take(list)
        return session
    }

    private func names(_ bytes: [[UInt8]]) -> [String] {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func command_isWrittenAsTheManualSays() {
        let meter = EUI64("00178d0000000004")
        #expect(
            String(decoding: HanCommand(.time, refresh: true).bytes, as: UTF8.self)
                == "<Command><Name>get_time</Name><Refresh>Y</Refresh></Command>\r\n")
        #expect(
            String(
                decoding: HanCommand(.confirmMessage, meter: meter, arguments: [.init(name: "Id", text: "0x2A")]).bytes,
                as: UTF8.self)
                == "<Command><Name>confirm_message</Name><MeterMacId>0x00178D0000000004</MeterMacId>"
                + "<Id>0x2A</Id></Command>\r\n")
    }

    @Test func reply_answersTheOldestOrderOfItsKind() {
        var session = started()
        session.order(HanCommand(.demand, refresh: false))
        session.order(HanCommand(.demand, refresh: true))
        session.order(HanCommand(.time))
        let now = Uptime(seconds: 1)
        #expect(session.advance(at: now).write.count == 2)
        let demand = HanText.read(HanText.demand).fragments[0]
        #expect(session.take(demand)?.command.refresh == false)
        #expect(names(session.advance(at: now).write).first?.contains("get_time") == true)
        #expect(session.take(demand)?.command.refresh == true)
        // Nobody asked for a third.
        #expect(session.take(demand) == nil)
    }

    @Test func warning_goesToTheOldestOrder() {
        var session = started()
        session.order(HanCommand(.price))
        session.order(HanCommand(.time))
        _ = session.advance(at: Uptime(seconds: 1))
        #expect(session.take(.warning("Unknown command"))?.command.name == .price)
        #expect(session.take(.warning("Unknown command"))?.command.name == .time)
        #expect(session.take(.warning("Unknown command")) == nil)
    }

    @Test func silence_endsTheOrderAndAsksForTheMeterListUntilItComes() {
        var session = started()
        session.order(HanCommand(.price))
        _ = session.advance(at: Uptime(seconds: 1))
        #expect(session.nextWake == Uptime(seconds: 4))
        let late = session.advance(at: Uptime(seconds: 4))
        #expect(late.finished.map(\.ending) == [.timedOut])
        #expect(names(late.write) == ["<Command><Name>get_meter_list</Name></Command>\r\n"])
        // An answer to the old order is not taken for a new one's.
        session.order(HanCommand(.price))
        #expect(session.take(price) == nil)
        #expect(session.advance(at: Uptime(seconds: 5)).write.count == 1)
        #expect(session.take(list) == nil)
        #expect(
            names(session.advance(at: Uptime(seconds: 5)).write) == [
                "<Command><Name>get_current_price</Name></Command>\r\n"
            ])
        #expect(session.timeouts == 1)
    }

    @Test func longSilence_asksSeldomAndComesBack() {
        var session = HanSession()
        session.reset(at: Uptime(seconds: 0))
        for second in 0..<3 { #expect(session.advance(at: Uptime(seconds: Int64(second))).write.count == 1) }
        #expect(session.advance(at: Uptime(seconds: 3)).write.isEmpty)
        #expect(session.isSilent)
        #expect(session.advance(at: Uptime(seconds: 20)).write.isEmpty)
        #expect(session.advance(at: Uptime(seconds: 33)).write.count == 1)
        _ = session.take(list)
        #expect(!session.isSilent)
    }

    @Test func orders_areBoundedAndNotDoubled() {
        var session = HanSession()
        for _ in 0..<100 {
            let isTaken = session.order(HanCommand(.time))
            #expect(isTaken)
        }
        for id in 0..<100 {
            session.order(HanCommand(.confirmMessage, arguments: [.init(name: "Id", text: "\(id)")]))
        }
        let isTaken = session.order(HanCommand(.price))
        #expect(!isTaken)
        #expect(session.has(.time))
    }
}
