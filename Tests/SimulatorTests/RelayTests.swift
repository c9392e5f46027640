import Drivers
import Metering
import Simulator
import Testing

/// The relay of the simulated board, by its wire.
@Suite struct RelayTests {
    private let start = WallTime(seconds: 1_800_000_000)
    private let plan = BoardPlan.standard(seed: 1)
    private let unit = UnitAddress(7)

    /// The board's Modbus wire and what is shared by all of its wires.
    private final class Bench {
        var wire: ModbusWire
        var faults: BoardFaults

        init(_ plan: BoardPlan, isTCP: Bool = false) {
            wire = ModbusWire(plan.ports[1], isTCP: isTCP) { _ in nil }
            faults = BoardFaults(relays: plan.relays)
        }

        /// The bits that a request gives, or the echo of an order; nil for an exception or silence.
        func ask(_ read: ModbusRead, at time: WallTime, unit: UnitAddress) -> [UInt16]? {
            let reply = wire.receive(ModbusRTU.request(read, unit: unit), at: time, faults: &faults)
            return try? ModbusRTU.registers(in: reply, of: read, unit: unit)
        }

        func order(_ on: Bool, at time: WallTime) -> Bool {
            ask(.order(coil: BoardRelay.coil, on: on), at: time, unit: UnitAddress(7)) != nil
        }

        func isClosed(at time: WallTime) -> Bool {
            ask(.inputs(BoardRelay.feedback), at: time, unit: UnitAddress(7)) == [1]
        }
    }

    /// The house behind the relay, as its meter sees it.
    private func house(_ bench: Bench) -> HouseholdLoad {
        var load = plan.ports[0].meters[0].load
        load.interruptions = bench.faults.relays[0].interruptions
        return load
    }

    @Test func start_isClosedAndOn() {
        let bench = Bench(plan)
        #expect(bench.isClosed(at: start))
        #expect(bench.ask(.coils(0, count: 4), at: start, unit: unit) == [1, 0, 0, 0])
    }

    @Test func order_movesTheContactALittleLater() {
        let bench = Bench(plan)
        let accepted = bench.order(false, at: start)
        #expect(accepted && bench.isClosed(at: start + 49) && !bench.isClosed(at: start + 50))
        #expect(bench.ask(.coils(0), at: start, unit: unit) == [0])
        _ = bench.order(true, at: start + 1000)
        #expect(!bench.isClosed(at: start + 1049) && bench.isClosed(at: start + 1050))
    }

    @Test func anOpenContact_stopsTheMeterAndCostsNoEnergy() {
        let bench = Bench(plan)
        _ = bench.order(false, at: start)
        let off = house(bench)
        let hour = start + 3_600_000
        #expect(off.power(at: hour) == 0 && off.power(at: start) != 0)
        #expect(off.imported(at: hour) == off.imported(at: start + 50))
        _ = bench.order(true, at: hour)
        let on = house(bench)
        let never = plan.ports[0].meters[0].load
        let later = hour + 3_600_000
        // After the interruption the register goes on as fast as before, from where it stood.
        #expect(on.power(at: later) == never.power(at: later))
        #expect(
            on.imported(at: later) - on.imported(at: hour + 50)
                == never.imported(at: later) - never.imported(at: hour + 50))
    }

    @Test func aStuckContact_doesNotFollowUntilItIsMended() {
        let bench = Bench(plan)
        bench.faults.apply(.relay("relay-1", .stick), at: start)
        _ = bench.order(false, at: start)
        #expect(bench.isClosed(at: start + 1000) && house(bench).power(at: start + 1000) != 0)
        bench.faults.apply(.relay("relay-1", .mend), at: start + 2000)
        #expect(!bench.isClosed(at: start + 2000))
    }

    @Test func aWeldedContact_saysOpenAndLoadFlows() {
        let bench = Bench(plan)
        bench.faults.apply(.relay("relay-1", .weld), at: start)
        _ = bench.order(false, at: start)
        #expect(!bench.isClosed(at: start + 1000) && house(bench).power(at: start + 1000) != 0)
        bench.faults.apply(.relay("relay-1", .mend), at: start + 2000)
        #expect(house(bench).power(at: start + 2000) == 0)
    }

    @Test func aContactThatTrips_isOpenWithItsCoilOn() {
        let bench = Bench(plan)
        bench.faults.apply(.relay("relay-1", .trip), at: start)
        #expect(!bench.isClosed(at: start) && house(bench).power(at: start) == 0)
        #expect(bench.ask(.coils(0), at: start, unit: unit) == [1])
    }

    @Test func aButton_isOnWhileItIsPressed() {
        let bench = Bench(plan)
        bench.faults.apply(.press(relay: "relay-1", .arm, seconds: 3), at: start)
        let inputs = ModbusRead.inputs(1, count: 3)
        #expect(bench.ask(inputs, at: start + 2999, unit: unit) == [0, 1, 0])
        #expect(bench.ask(inputs, at: start + 3000, unit: unit) == [0, 0, 0])
    }

    @Test func whatTheUnitDoesNotHave_isRefused() {
        let bench = Bench(plan)
        #expect(bench.ask(.inputs(7, count: 2), at: start, unit: unit) == nil)
        #expect(bench.ask(.order(coil: 9, on: true), at: start, unit: unit) == nil)
        #expect(bench.ask(ModbusRead(function: 3, address: 0, count: 1), at: start, unit: unit) == nil)
        #expect(bench.ask(.coils(0), at: start, unit: UnitAddress(8)) == nil)
    }

    @Test func silence_ofTheRelay_isItsOwn() {
        let bench = Bench(plan)
        bench.faults.apply(.silent(serial: "relay-1", seconds: 10), at: start)
        #expect(bench.ask(.coils(0), at: start, unit: unit) == nil)
        #expect(bench.ask(.coils(0), at: start + 10_000, unit: unit) == [1])
    }

    @Test func tcp_answersTheSame() throws {
        let bench = Bench(plan, isTCP: true)
        let request = ModbusTCP.request(.inputs(0), unit: unit, transaction: 9)
        let reply = bench.wire.receive(request, at: start, faults: &bench.faults)
        #expect(try ModbusTCP.registers(in: reply, of: .inputs(0), unit: unit, transaction: 9) == [1])
    }

    /// The meter hangs on another wire than the relay.
    @Test func theMeterOfTheHouse_readsNoPowerWhileItIsOff() throws {
        let bench = Bench(plan)
        var meters = EdmiWire(plan.ports[0]) { $0.model == "edmi-mk6" ? .genius : .atlas }
        func watts(at time: WallTime, _ sequence: UInt16) throws -> Float {
            func exchange(_ inner: [UInt8], _ sequence: UInt16) throws -> [UInt8] {
                let frame = EdmiFrame.encode(
                    EdmiEnvelope(destination: 217_072_470, source: 1, sequence: sequence, inner: inner).body)
                let reply = meters.receive(frame, at: time, faults: &bench.faults)
                return try #require(EdmiEnvelope(body: try EdmiFrame.decode(reply))).inner
            }
            _ = try exchange(Array("LREADER,READER".utf8) + [0], sequence)
            let inner = try exchange([0x52, 0xE0, 0x33], sequence + 1)
            return Float(bitPattern: inner.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
        }
        #expect(try watts(at: start, 1) > 0)
        _ = bench.order(false, at: start)
        #expect(try watts(at: start + 60_000, 3) == 0)
        _ = bench.order(true, at: start + 61_000)
        #expect(try watts(at: start + 120_000, 5) > 0)
    }
}
