import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

/// Every state that a supply can rest in: neither a start nor a wrong clock moves it.
@Suite("Units: a start and a clock in every state")
struct UnitStateTests {
    /// Where a home's supply rests.
    enum State: String, CaseIterable {
        case connected, friendly, notice, exhausted, armed, ordered, forcedOff, forcedOn, selfOpened, emergency
        case billedLater

        var isClosed: Bool { ![.exhausted, .armed, .ordered, .forcedOff, .selfOpened].contains(self) }
        var reason: String {
            switch self {
            case .connected: "credit"
            case .friendly: "friendly_period"
            case .notice: "protected"
            case .exhausted: "exhausted"
            case .armed, .selfOpened: "armed_wait"
            case .ordered: "order"
            case .forcedOff: "force_off"
            case .forcedOn: "force_on"
            case .emergency: "emergency_credit"
            case .billedLater: "credit_mode"
            }
        }
    }

    static func home(_ state: State) throws -> UnitBench {
        var bench = UnitBench(try UnitBench.configuration())
        if state == .friendly { bench.begin = UnitBench.start + 285 * 60_000 }
        try bench.commission(credit: state == .exhausted || state == .armed ? 300_000 : 5_000_000)
        bench.pass(minutes: 2)
        switch state {
        case .connected: break
        case .friendly:
            bench.pass(minutes: 15)
            _ = try bench.command("credit_set", ["adjustment_id": "a", "balance_micro": 0])
        case .notice:
            bench.home.meterFailure = .timeout
            bench.pass(minutes: 100)
            bench.home.meterFailure = nil
            bench.pass(minutes: 20)
        case .exhausted, .armed:
            #expect(bench.pass(atMost: 20) { !$0.home.isClosed })
            bench.pass(minutes: 2)
            if state == .armed { try bench.pay("second", 1_000_000) }
        case .ordered: _ = try bench.send("usage_place_disconnect", ["usageplacecode": "UP-1", "request_id": "r1"])
        case .forcedOff: _ = try bench.send("supply_mode_set", ["mode": "force_off"])
        case .forcedOn:
            _ = try bench.send("supply_mode_set", ["mode": "force_on"])
            _ = try bench.command("credit_set", ["adjustment_id": "a", "balance_micro": 0])
        case .selfOpened: bench.home.moveByHand(closed: false, at: bench.elapsed)
        case .emergency:
            _ = try bench.command("emergency_credit_set", ["limit_micro": 9_000_000, "auto_activate": true])
            _ = try bench.command("credit_set", ["adjustment_id": "a", "balance_micro": 0])
        case .billedLater:
            _ = try bench.command("operational_mode_set", ["mode": "credit"])
            _ = try bench.command("credit_set", ["adjustment_id": "a", "balance_micro": -1_000_000])
        }
        bench.pass(minutes: 3)
        return bench
    }

    private func shown(_ bench: inout UnitBench) throws -> [String: JSONValue] {
        let show = try bench.ask(.supplyShow("unit-1"))
        var shown: [String: JSONValue] = [:]
        for name in ["decided", "reason", "observed", "notice_until", "enabled", "self_opened"] {
            shown[name] = show[name]
        }
        return shown
    }

    @Test(arguments: State.allCases)
    func start_leavesSupplyAsItWas(_ state: State) throws {
        var bench = try Self.home(state)
        let before = try shown(&bench)
        #expect(before["reason"]?.string == state.reason, "\(before)")
        #expect(bench.home.isClosed == state.isClosed)
        let orders = bench.home.orders.count
        let edges = bench.home.edges.count
        for _ in 0..<3 {
            bench.restart()
            bench.pass(minutes: 4)
            #expect(try shown(&bench) == before)
        }
        #expect(bench.home.orders.count == orders)
        #expect(bench.home.edges.count == edges)
        #expect(bench.faults == [])
    }

    /// The clock runs away by an hour, a day or a year, forwards and backwards, with a start in between: the contact
    /// stays, nobody is charged for it, and all is as before when the clock is right again.
    @Test(arguments: State.allCases, [3600, -3600, 86_400, -86_400, 31_536_000, -31_536_000])
    func clockThatJumps_movesNothing(_ state: State, _ seconds: Int64) throws {
        var bench = try Self.home(state)
        let before = try shown(&bench)
        let orders = bench.home.orders.count
        bench.isSynchronised = false
        bench.step += seconds * 1000
        bench.pass(minutes: 7)
        #expect(bench.home.orders.count == orders, "in the wrong time")
        if seconds < 0 {
            bench.restart()
            bench.pass(minutes: 4)
            #expect(bench.home.orders.count == orders, "after a start in the wrong time")
        }
        bench.step -= seconds * 1000
        bench.isSynchronised = true
        bench.pass(minutes: 7)
        #expect(bench.home.orders.count == orders, "when it is right again")
        if abs(seconds) <= 3600 { #expect(try shown(&bench)["reason"] == before["reason"]) }
        #expect(bench.faults == [])
    }

    /// Doubt refuses to open and never to close: who has paid gets supply back while the clock is wrong and the meter
    /// is silent.
    @Test(arguments: [State.exhausted, .armed])
    func creditedHome_isConnectedInSpiteOfDoubt(_ state: State) throws {
        var bench = try Self.home(state)
        bench.isSynchronised = false
        bench.step += 40 * 86_400_000
        bench.home.meterFailure = .timeout
        bench.pass(minutes: 20)
        if state == .exhausted { try bench.pay("second", 1_000_000) }
        bench.pass(minutes: 1)
        #expect(try bench.ask(.supplyShow("unit-1"))["decided"] == "armed")
        let pressed = bench.elapsed
        _ = try bench.ask(.press(unit: "unit-1", .arm))
        bench.pass(seconds: 2)
        #expect(bench.edges(after: pressed) == [true])
    }

    /// A box without a clock of its own begins where it ended, or in 1970: what was used while it was off is learnt
    /// late all the same, and whoever has used up their credit by it is told before they are cut.
    @Test(arguments: [true, false])
    func outageThatTheClockDoesNotShow_needsANotice(_ beginsWhereItEnded: Bool) throws {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 8_000_000)
        bench.pass(minutes: 12)
        let outage: Int64 = 3 * 3_600_000
        bench.elapsed += outage * 1000
        let wrong = beginsWhereItEnded ? -outage : -bench.moment.wall.milliseconds
        bench.isSynchronised = false
        bench.step += wrong
        bench.restart()
        bench.pass(minutes: 12)
        #expect(bench.home.isClosed)
        bench.step -= wrong
        bench.isSynchronised = true
        bench.pass(minutes: 20)
        #expect(bench.balance < 0)
        #expect(bench.home.isClosed)
        let show = try bench.ask(.supplyShow("unit-1"))
        #expect(show["reason"] == "protected", "\(show)")
        #expect(show["notice_until"] != .null)
        #expect(bench.faults == [])
    }

    /// A bill paid later leaves the balance below zero; nobody is cut without a notice because the box was off when
    /// the unit became prepaid.
    @Test func prepaymentThatBeginsWhileTheBoxIsOff_needsItsNotice() throws {
        var bench = try Self.home(.exhausted)
        _ = try bench.command("operational_mode_set", ["mode": "credit"])
        bench.pass(minutes: 2)
        #expect(bench.home.isClosed)
        let start = bench.moment.wall + 20 * 60_000
        let planned = try bench.command(
            "operational_mode_set", ["mode": "prepayment", "effective_at": .string(start.text)])
        #expect(planned["code"] == "applied", "\(planned)")
        bench.pass(minutes: 10)
        bench.elapsed += 15 * 60_000_000
        bench.restart()
        bench.pass(minutes: 10)
        let show = try bench.ask(.supplyShow("unit-1"))
        #expect(bench.home.isClosed)
        #expect(show["reason"] == "protected", "\(show)")
        #expect(show["notice_until"] != .null)
        let until = show["notice_until"]
        bench.restart()
        bench.pass(minutes: 10)
        #expect(try bench.ask(.supplyShow("unit-1"))["notice_until"] == until, "and no second notice")
        #expect(bench.home.isClosed)
    }
}
