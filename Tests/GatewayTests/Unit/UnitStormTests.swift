import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

/// A day and a half of a home in which everything goes wrong, from a seed; what must never happen is looked for.
@Suite("Units: storms")
struct UnitStormTests {
    private struct Chance {
        var state: UInt64
        mutating func below(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
    }

    @Test(arguments: 1...5)
    func storm_neverCutsWrongly_andLosesNothing(_ seed: Int) throws {
        var chance = Chance(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
        var bench = UnitBench(
            try UnitBench.configuration(
                delay: seed % 2 == 0 ? 0 : 300, reconnect: seed % 3 == 0 ? .automatic : .button, poll: 60,
                box: "BOX\(seed)"))
        bench.begin = UnitBench.start + -60 * 60_000
        try bench.commission(credit: 1_000_000)
        var paid: Int64 = 1_000_000
        var payments = 0
        while bench.elapsed < 30 * 3_600_000_000 {
            let minutes = Double(chance.below(40) + 1) / 2
            switch chance.below(14) {
            case 0: bench.restart()
            case 1: bench.home.meterFailure = bench.home.meterFailure == nil ? .timeout : nil
            case 2: bench.home.forged = Int64(chance.below(2_000_000))
            case 3, 4:
                payments += 1
                let amount = Int64(chance.below(2_000_000) + 10_000)
                paid += amount
                do {
                    try bench.pay("p\(payments)", amount)
                } catch {
                    // The process ended before the answer: the sender repeats it.
                    bench.pass(minutes: 1)
                    try bench.pay("p\(payments)", amount)
                }
            case 5: _ = bench.begin(.press(unit: "unit-1", .arm))
            case 6: bench.home.behaviour = [.stuck, .silent, .blind][chance.below(3)]
            case 7, 8: bench.home.behaviour = .follows
            case 9:
                bench.give(.portDown(PortID("r"), "unplugged"))
                bench.pass(seconds: Double(chance.below(200)))
                bench.give(.portUp(PortID("r")))
            case 10: bench.home.moveByHand(closed: chance.below(2) == 0, at: bench.elapsed)
            case 11: bench.home.watts = Double(chance.below(5000))
            case 12: bench.crashAt = bench.journal.count + chance.below(12) + 1
            default: bench.home.meterFailure = nil
            }
            bench.pass(minutes: minutes)
        }
        bench.home.meterFailure = nil
        bench.home.behaviour = .follows
        bench.crashAt = nil
        bench.pass(minutes: 30)
        try check(&bench, paid: paid, "seed \(seed)")
    }

    private func check(_ bench: inout UnitBench, paid: Int64, _ name: Comment) throws {
        #expect(bench.faults == [], name)
        let toppedUp = bench.records(.creditToppedUp).reduce(Int64(0)) { $0 + ($1["amount_micro"]?.integer ?? 0) }
        #expect(toppedUp == paid, name)
        #expect(bench.balance == paid - bench.charged * 1000, name)
        let begun = bench.records(.unitSetting).first { $0["setting"] == "register" }?["value"]?["register"]?.integer
        let last = bench.records(.creditCharged).last?["register"]?.integer
        #expect(bench.charged == (last ?? 0) - (begun ?? 0), name)
        let used = bench.home.register(at: bench.elapsed) - (begun ?? 0)
        #expect(bench.charged <= used, name)
        #expect(used - bench.charged < 1500, "\(name): \(used) used, \(bench.charged) charged")
        for order in bench.home.orders where !order.closes {
            let at = bench.begin + order.at / 1000
            let record = bench.journal.last { $0.kind == .supplyOrdered && $0.at <= at }
            let reason = record?.data["reason"]?.string
            #expect(reason == "exhausted" || reason == "test", name)
            #expect(record?.data["order"] == "disconnect", name)
            if reason == "exhausted" { #expect((record?.data["balance_micro"]?.integer ?? 1) <= 0, name) }
            let hour = at.text.dropFirst(11).prefix(5)
            #expect(hour >= "08:00" && hour < "15:00", "\(name) \(at.text)")
        }
    }
}
