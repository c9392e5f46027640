@testable import Bus
import Drivers
import Foundation
import Metering
import Synchronization
import Testing

/// A chip whose lines are variables.
private final class FakeChip: GpioHost {
    struct Change: Equatable {
        var line: String
        var level: Bool
    }

    struct State {
        /// Active or not, by name.
        var levels: [String: Bool] = [:]
        var changes: [Change] = []
        var roles: [String: GpioRole] = [:]
        var faults: [String: GpioFault] = [:]
    }

    let state = Mutex(State())

    init(_ levels: [String: Bool]) { state.withLock { $0.levels = levels } }

    func fail(_ line: String, _ fault: GpioFault?) { state.withLock { $0.faults[line] = fault } }
    func level(_ line: String) -> Bool? { state.withLock { $0.levels[line] } }
    func set(_ line: String, _ level: Bool) { state.withLock { $0.levels[line] = level } }
    var changes: [Change] { state.withLock { $0.changes } }
    var roles: [String: GpioRole] { state.withLock { $0.roles } }

    func request(_ line: GpioLine, of chip: String, as role: GpioRole) throws(GpioFault) -> any GpioPin {
        try check(line.name)
        state.withLock { $0.roles[line.name] = role }
        guard level(line.name) != nil else { throw .noLine }
        return Pin(chip: self, name: line.name)
    }

    fileprivate func check(_ line: String) throws(GpioFault) {
        if let fault = state.withLock({ $0.faults[line] }) { throw fault }
    }

    private final class Pin: GpioPin {
        let chip: FakeChip
        let name: String

        init(chip: FakeChip, name: String) {
            self.chip = chip
            self.name = name
        }

        func read() throws(GpioFault) -> Bool {
            try chip.check(name)
            return chip.level(name) ?? false
        }

        func write(_ isActive: Bool) throws(GpioFault) {
            try chip.check(name)
            chip.state.withLock { state in
                state.levels[name] = isActive
                state.changes.append(Change(line: name, level: isActive))
            }
        }
    }
}

private let port = PortID("gpio:relay-1")
private let contact = GpioContact(output: GpioLine(name: "17"), feedback: GpioLine(name: "27"))

/// A GPIO port of its own and what it told.
private final class GpioBench {
    let log = EventLog()
    let bus: BusPorts
    private var nextID: UInt64 = 1

    init(_ host: any GpioHost, _ use: GpioWire.Use, chip: String = "gpiochip0") {
        let log = log
        bus = BusPorts(clock: TestClock(), gpio: host) { log.append($0) }
        bus.open(
            PortConfiguration(id: port, wire: .gpio(GpioWire(chip: chip, use: use)), protocol: .modbusRTU))
    }

    deinit { _ = bus.shutDown() }

    func run(_ operation: BusOperation) -> BusOutcome? {
        defer { nextID += 1 }
        bus.submit(BusRequest(id: nextID, port: port, operation: operation))
        return log.outcome(nextID)
    }

    func move(_ order: Bool?) -> BusOutcome? { run(.contact(ContactJob(place: .line, order: order))) }
}

@Suite struct GpioTests {
    @Test(arguments: [true, false])
    func start_movesNothing(level: Bool) {
        let chip = FakeChip(["17": level, "27": level])
        let bench = GpioBench(chip, .contact(contact))
        #expect(bench.log.ups(1) == [nil])
        #expect(bench.move(nil) == .shows(level, level))
        #expect(chip.changes.isEmpty)
        #expect(chip.roles == ["17": .outputAsIs, "27": .input])
    }

    @Test func contact_whenOrdered_drivesTheLineAndReadsTheFeedback() {
        let chip = FakeChip(["17": false, "27": false])
        let bench = GpioBench(chip, .contact(contact))
        #expect(bench.move(true) == .shows(true, false))
        chip.set("27", true)
        #expect(bench.move(nil) == .shows(true, true))
        #expect(chip.changes == [FakeChip.Change(line: "17", level: true)])
    }

    @Test func latchingPair_getsOnePulseOnTheRightCoilAndRests() {
        let chip = FakeChip(["5": false, "6": false, "27": false])
        let pair = GpioContact(
            output: GpioLine(name: "5"), opener: GpioLine(name: "6"), pulse: 1000, feedback: GpioLine(name: "27"))
        let bench = GpioBench(chip, .contact(pair))
        // The coils rest whatever the contact does, so the output says nothing.
        #expect(bench.move(true) == .shows(nil, false))
        #expect(bench.move(false) == .shows(nil, false))
        #expect(
            chip.changes == [
                FakeChip.Change(line: "5", level: true), FakeChip.Change(line: "5", level: false),
                FakeChip.Change(line: "6", level: true), FakeChip.Change(line: "6", level: false),
            ])
        #expect(chip.roles["5"] == .outputAtRest)
    }

    @Test func inputs_areReadByTheirPlace() {
        let chip = FakeChip(["1": true, "2": false])
        let bench = GpioBench(chip, .inputs([GpioLine(name: "1"), GpioLine(name: "2")]))
        #expect(bench.run(.inputs(InputsJob(unit: UnitAddress(0), inputs: [1, 0]))) == .inputs([false, true]))
        #expect(bench.run(.inputs(InputsJob(unit: UnitAddress(0), inputs: [2]))) == .failed(.badFrame))
        #expect(bench.move(true) == .failed(.badFrame))
    }

    @Test func meterRequest_isAnsweredAsNoWire() {
        let bench = GpioBench(FakeChip(["17": false, "27": false]), .contact(contact))
        #expect(
            bench.run(.read([ModbusRead(function: 3, address: 0, count: 1)]))
                == .failed(.portDown("gpio:relay-1 is a GPIO line; it carries no meter")))
    }

    @Test func aLineThatGoesAway_isToldOnceAndRequestedAgain() {
        let chip = FakeChip(["17": true, "27": true])
        let bench = GpioBench(chip, .contact(contact))
        #expect(bench.log.ups(1).count == 1)
        chip.fail("17", .system(ENODEV))
        guard case .failed(.portDown) = bench.move(false) else {
            Issue.record("the order to a line that is gone must fail")
            return
        }
        #expect(bench.log.downs(1).count == 1)
        chip.fail("17", nil)
        #expect(bench.log.ups(2).count == 2)
        // The order is not repeated by itself, and opening the line again moves nothing.
        #expect(bench.move(nil) == .shows(true, true))
        #expect(chip.changes.isEmpty)
    }

    @Test(arguments: [
        (GpioFault.system(EACCES), "group"), (.system(EBUSY), "gpioinfo"), (.noLine, "has no line"),
        (.system(ENOENT), "gpiodetect"), (.system(EIO), "gpiochip0"),
    ])
    func aLineThatCannotBeHad_saysWhatToDo(fault: GpioFault, word: String) {
        let chip = FakeChip(["17": false, "27": false])
        chip.fail("17", fault)
        let bench = GpioBench(chip, .contact(contact))
        let reason = bench.log.downs(1).first ?? ""
        #expect(reason.contains(word))
        #expect(bench.move(true) == .failed(.portDown(reason)))
    }

    @Test func aMachineWithoutTheChip_isDownWithTheChipsName() {
        let bench = GpioBench(SystemGpio(), .contact(contact), chip: "no-such-chip")
        #expect(bench.log.downs(1).first?.contains("there is no GPIO chip no-such-chip") == true)
    }
}
