import Drivers
import Metering
import Simulator
import Testing

@testable import Gateway

@Suite struct HanLinkTests {
    @Test func adapter_thatJoins_isFollowedThroughItsStatesToData() throws {
        var bench = try HanBench()
        bench.plugIn()
        bench.pass(seconds: 10)
        #expect(bench.joins == ["searching"])
        bench.allow()
        bench.pass(seconds: 60)
        #expect(bench.joins == ["searching", "joining", "authenticating", "bound"])
        #expect(bench.binds == ["bound"])
        let status = bench.link.statusJSON(at: bench.moment)
        #expect(status["state"] == "bound" && status["status"] == "Connected" && status["adapter"] == "up")
        #expect(status["mac"] == "d8d5b90000001234" && status["han_meter"] == "00158d00000000aa")
        #expect(status["install_code"] == "matches")
        #expect(status["price"]?["value"] == "0.3125" && status["price"]?["currency"] == 36)
        #expect(status["time"]?["offset_s"] == 0)
        let delivered = try #require(status["summation"]?["delivered"]?.string)
        #expect(DecimalValue(text: delivered).map { $0.mantissa > 0 } == true)
        #expect(status["demand"]?["unit"] == "kW")
        #expect(status["counters"]?["timeouts"] == 0)
    }

    @Test func adapterWithoutALink_saysZeros_whichProveNothing() throws {
        var bench = try HanBench()
        bench.plugIn()
        bench.pass(seconds: 5)
        bench.say(bench.adapter.receive(HanCommand(.demand, refresh: true).bytes, at: bench.moment))
        bench.say(bench.adapter.receive(HanCommand(.summation, refresh: true).bytes, at: bench.moment))
        #expect(bench.binds.isEmpty)
        #expect(bench.link.binding.state == .unbound)
    }

    @Test func brokenStream_stillGivesStatesAndData() throws {
        var bench = try HanBench()
        var faults = HanAdapterFaults()
        faults.isBroken = true
        bench.adapter.setFaults(faults, at: bench.moment)
        bench.piece = 7
        bench.plugIn()
        bench.allow()
        bench.pass(seconds: 900)
        #expect(bench.binds == ["bound"])
        let status = bench.link.statusJSON(at: bench.moment)
        #expect((status["counters"]?["damaged"]?.integer ?? 0) > 10)
        #expect(status["summation"]?["delivered"]?.string != nil)
        #expect(status["adapter"] == "up")
    }

    @Test func silentAdapter_isToldOnceAndComesBack() throws {
        var bench = try HanBench()
        bench.plugIn()
        bench.allow()
        bench.pass(seconds: 120)
        var faults = HanAdapterFaults()
        faults.isSilent = true
        bench.adapter.setFaults(faults, at: bench.moment)
        bench.pass(seconds: 600)
        #expect(bench.joins.last == "unknown")
        #expect(bench.link.statusJSON(at: bench.moment)["adapter"] == "silent")
        #expect(bench.link.statusJSON(at: bench.moment)["why"] == "the adapter does not answer")
        let count = bench.journal.count
        bench.pass(seconds: 600)
        #expect(bench.journal.count == count)
        bench.adapter.setFaults(HanAdapterFaults(), at: bench.moment)
        bench.pass(seconds: 120)
        #expect(bench.joins.last == "bound")
        #expect(bench.binds == ["bound"])
    }

    @Test func unpluggedAdapter_saysWhyAndStartsOver() throws {
        var bench = try HanBench()
        bench.plugIn()
        bench.allow()
        bench.pass(seconds: 120)
        bench.give(.down("/dev/han went away: plug the HAN adapter in again"))
        #expect(bench.joins.last == "unknown")
        #expect(bench.records("join").last?["message"]?.string?.contains("plug the HAN adapter in") == true)
        bench.pass(seconds: 60)
        bench.plugIn()
        bench.pass(seconds: 10)
        #expect(bench.joins.last == "bound")
    }

    @Test func flappingRadio_costsAtMostTwentyRecordsAnHour() throws {
        var bench = try HanBench()
        bench.plugIn()
        bench.allow()
        for _ in 0..<100 {
            bench.pass(seconds: 20)
            bench.say(bench.adapter.lose(at: bench.moment))
        }
        #expect(bench.records("join").count <= 20)
        #expect(bench.elapsed < 3_600_000_000)
    }

    @Test func wrongCodeAtTheMeter_isToldAsFailed() throws {
        var bench = try HanBench()
        var faults = HanAdapterFaults()
        faults.hasWrongCode = true
        bench.adapter.setFaults(faults, at: bench.moment)
        bench.plugIn()
        bench.allow()
        bench.pass(seconds: 30)
        #expect(bench.joins.contains("failed"))
        #expect(bench.link.binding.state == .unbound)
    }

    @Test func secrets_appearNowhere() throws {
        var bench = try HanBench(hasPowerBox: true)
        bench.plugIn()
        bench.pass(seconds: 5)
        _ = try bench.bind("c1")
        _ = bench.answer("c1", .success(["state": "accepted"]))
        bench.allow()
        bench.pass(seconds: 600)
        #expect(bench.binds.last == "bound")
        for secret in [HanBench.code.lowercased(), "2cf026", "4141414141", "65, 65, 65", "44, 240, 38"] {
            #expect(!bench.everything.contains(secret), "\(secret) is seen")
        }
    }

    @Test func drift_isToldOnceAndItsEndToo() throws {
        var bench = try HanBench()
        let load = bench.adapter.settings.load
        bench.register = { load.imported(at: $0) / 1000 }
        bench.plugIn()
        bench.allow()
        bench.pass(seconds: 12 * 3600)
        #expect(bench.alarms.isEmpty)
        let quiet = bench.link.statusJSON(at: bench.moment)["drift"]
        #expect(abs(quiet?["difference_wh"]?.integer ?? 999) <= 60)
        var faults = HanAdapterFaults()
        faults.driftPerMille = 200
        bench.adapter.setFaults(faults, at: bench.moment)
        bench.pass(seconds: 20 * 3600)
        #expect(bench.alarms.map { $0["alarm"] } == ["han_drift"])
        #expect((bench.alarms.first?["difference_wh"]?.integer ?? 0) > 1000)
        #expect(bench.link.statusJSON(at: bench.moment)["drift"]?["drifting"] == true)
        bench.adapter.setFaults(HanAdapterFaults(), at: bench.moment)
        bench.pass(seconds: 25 * 3600)
        #expect(bench.alarms.count == 1)
        #expect(bench.records("drift").count == 1)
    }

    @Test func smallDrift_andOtherStart_areNoAlarm() throws {
        var bench = try HanBench()
        let load = bench.adapter.settings.load
        // Another meter in series: it began elsewhere and is 0.8 % slow.
        bench.register = { time in
            let start = load.imported(at: HanBench.start)
            return 5_000_000 + (load.imported(at: time) - start) / 1000 * 992 / 1000
        }
        bench.plugIn()
        bench.allow()
        bench.pass(seconds: 30 * 3600)
        #expect(bench.alarms.isEmpty)
    }

    @Test func silentMeter_isNotCompared() throws {
        let moment = try HanBench().moment
        var drift = HanDrift()
        let old = HanRevenue(point: RegisterPoint(value: 1000, moment: moment, trusted: true), step: 1)
        var later = moment
        later.uptime = Uptime(seconds: 301)
        _ = drift.take(han: 99_000, step: 1, revenue: old, at: later)
        #expect(drift.last == nil)
    }
}
