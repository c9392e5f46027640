import Drivers
import Metering
import Simulator
import Testing

/// Writing the clock (reference/edmi.md §4): once, with the dialect's own command, and never again with an old time.
@Suite struct EdmiSetClockTests {
    private static let time = CivilTime(year: 2026, month: 3, day: 2, hour: 16, minute: 17, second: 19)

    private func bench(_ dialect: MeterModel.Dialect, allows: Bool = true) -> EdmiBench {
        var meter = EdmiFixture.meter(dialect)
        meter.allowsClock = allows
        meter.clockErrorSeconds = 40
        return EdmiBench(meter)
    }

    @Test(arguments: [MeterModel.Dialect.atlas, .genius], [true, false])
    func setClock_isWrittenAndReadBack(dialect: MeterModel.Dialect, addressed: Bool) {
        var bench = bench(dialect)
        var session = EdmiSession(EdmiFixture.link(dialect, addressed: addressed))
        var task = EdmiSetClockTask(Self.time)
        #expect(bench.run(&session, &task) == .done)
        let register: [UInt8] = dialect == .atlas ? [0x57, 0xF0, 0x3D] : [0x4E, 0, 0, 0xF0, 0x3D]
        #expect(bench.commands.last == register + [2, 3, 26, 16, 17, 19])
        var clock = EdmiClockTask()
        #expect(bench.run(&session, &clock) == .done)
        #expect(clock.time.map { $0.seconds - Self.time.seconds } == 0)
    }

    @Test func setClock_thatIsRefused_saysSo() {
        var bench = bench(.atlas, allows: false)
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiSetClockTask(Self.time)
        #expect(bench.run(&session, &task) == .failed(.refused(.accessDenied)))
        #expect(bench.meters[0].settings.clockErrorSeconds == 40)
    }

    /// A lost ACK leaves open whether the meter took the time: the write is not sent again by itself.
    @Test(arguments: [true, false]) func setClock_withoutAnAnswer_isNotRepeated(addressed: Bool) {
        var bench = bench(.atlas)
        var session = EdmiSession(EdmiFixture.link(.atlas, addressed: addressed))
        var clock = EdmiClockTask()
        #expect(bench.run(&session, &clock) == .done)
        bench.meters[0].faults = [.drop]
        var task = EdmiSetClockTask(Self.time)
        #expect(bench.run(&session, &task) == .failed(.noReply))
        #expect(bench.sent.last?.tries == 1)
        #expect(bench.commands.count { $0.first == 0x57 } == 1)
    }

    @Test func setClock_toATimeNoMeterHolds_isNotSent() {
        var bench = bench(.atlas)
        var session = EdmiSession(EdmiFixture.link(.atlas))
        var task = EdmiSetClockTask(CivilTime(year: 2090, month: 1, day: 1))
        guard case .failed(.malformed) = bench.run(&session, &task) else {
            Issue.record("it was sent")
            return
        }
        #expect(bench.sent.isEmpty)
    }

    @Test func setClock_whereTheOtherCommandIsKnown_usesIt() {
        var bench = bench(.genius)
        bench.meters[0].faults = [.none, .none, .refuse(2)]
        var session = EdmiSession(EdmiFixture.link(.genius))
        var task = EdmiSetClockTask(Self.time)
        #expect(bench.run(&session, &task) == .done)
        #expect(bench.commands.suffix(2).map(\.first) == [0x4E, 0x57])
    }
}
