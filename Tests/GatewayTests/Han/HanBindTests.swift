import Drivers
import Metering
import Simulator
import Testing

@testable import Gateway

@Suite struct HanBindTests {
    private func ready(hasPowerBox: Bool = true) throws -> HanBench {
        var bench = try HanBench(hasPowerBox: hasPowerBox)
        bench.plugIn()
        bench.pass(seconds: 5)
        return bench
    }

    private let unknown = ControlFailure(code: "unknown", message: "no answer", hint: "")

    @Test func bind_isRecordedBeforeItIsSent_andCarriesNoCode() throws {
        var bench = try ready()
        let before = bench.journal.count
        #expect(try bench.bind("c1") == nil)
        #expect(bench.orders.count == 1)
        #expect(
            bench.orders[0].id == "c1" && bench.orders[0].system == "powerbox" && bench.orders[0].operation == "bind")
        #expect(bench.orders[0].args == ["mac": "d8d5b90000001234", "meter": "217072470"])
        #expect(bench.journal.count == before + 1)
        #expect(bench.journal.last?.key == "han.state/c1")
        #expect(bench.binds == ["requested"])
    }

    @Test func accepted_isNotBound_dataIs() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        let isOurs1 = bench.answer("c1", .success(["state": "accepted"]))
        #expect(isOurs1)
        #expect(bench.binds == ["requested", "accepted"])
        #expect((try? bench.ends.first?.result.get())?.result["bind"]?["state"] == "accepted")
        bench.pass(seconds: 1200)
        #expect(bench.binds.last == "accepted")
        #expect(bench.link.bindStatus(at: bench.moment).result["late"] == true)
        bench.allow()
        bench.pass(seconds: 3)
        #expect(bench.binds.last == "joining")
        bench.pass(seconds: 60)
        #expect(bench.binds == ["requested", "accepted", "joining", "bound"])
        #expect(bench.refusal { try $0.bind("c2") } == "already_bound")
    }

    @Test func withoutPowerBox_theUtilityIsWaitedFor() throws {
        var bench = try ready(hasPowerBox: false)
        let outcome = try bench.bind("c1")
        #expect(outcome?.message.contains("D8:D5:B9:00:00:00:12:34") == true)
        #expect(outcome?.result["waits_for"] == "utility")
        #expect(bench.orders.isEmpty)
        bench.allow()
        bench.pass(seconds: 60)
        #expect(bench.binds == ["requested", "joining", "bound"])
        _ = try bench.unbind("c2")
        #expect(bench.binds.last == "unbound")
        // The meter has not forgotten us yet: its data proves nothing now.
        bench.pass(seconds: 300)
        #expect(bench.binds.last == "unbound")
    }

    @Test func refusedBind_fails_andMayBeTriedAgain() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        _ = bench.answer(
            "c1", .failure(ControlFailure(code: "invalid_install_code", message: "not its code", hint: "")))
        #expect(bench.binds == ["requested", "failed"])
        guard case .failure(let refusal)? = bench.ends.first?.result else {
            Issue.record("no refusal")
            return
        }
        #expect(refusal.code == .precondition && refusal.detail == "invalid_install_code")
        #expect(try bench.bind("c2") == nil)
        #expect(bench.orders.map(\.operation) == ["bind", "bind"])
    }

    @Test func lostAnswer_isNeverSentAgainByItself() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        _ = bench.answer("c1", .failure(unknown))
        #expect(bench.orders.map(\.operation) == ["bind", "customer"])
        let isOurs2 = bench.answer("c1.customer", .success(["account_status": "A"]))
        #expect(isOurs2)
        bench.pass(seconds: 86_400)
        #expect(bench.orders.map(\.operation) == ["bind", "customer"])
        #expect(bench.refusal { try $0.bind("c2") } == "outcome_unknown")
        // Only with a person's word, and only while the radio has seen nothing.
        #expect(try bench.bind("c3", ["resend": true]) == nil)
        #expect(bench.orders.map(\.operation) == ["bind", "customer", "bind"])
        _ = bench.answer("c3", .failure(unknown))
        bench.allow()
        bench.pass(seconds: 3)
        #expect(bench.refusal { try $0.bind("c4", ["resend": true]) } == "bind_under_way")
        bench.pass(seconds: 60)
        #expect(bench.binds.last == "bound")
    }

    @Test func answerThatNeverComes_isUnknownAfterAWhile() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        bench.pass(seconds: 1000)
        #expect(bench.link.binding.isUnknown)
        guard case .failure(let refusal)? = bench.ends.first?.result else {
            Issue.record("the command has no end")
            return
        }
        #expect(refusal.code == .noReply)
    }

    @Test func rebind_undoesFirst() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        _ = bench.answer("c1", .success(.null))
        bench.allow()
        bench.pass(seconds: 60)
        #expect(try bench.bind("c2", ["rebind": true]) == nil)
        #expect(bench.orders.map(\.operation) == ["bind", "unbind"])
        #expect(bench.orders[1].id == "c2.unbind")
        _ = bench.answer("c2.unbind", .success(.null))
        #expect(bench.orders.map(\.operation) == ["bind", "unbind", "bind"])
        #expect(bench.orders[2].id == "c2.bind")
        _ = bench.answer("c2.bind", .success(.null))
        #expect(bench.ends.map(\.id) == ["c1", "c2"])
        // The old link's data is no proof of the new binding.
        bench.pass(seconds: 120)
        #expect(bench.binds.last == "accepted")
        bench.say(bench.adapter.lose(at: bench.moment))
        bench.pass(seconds: 60)
        #expect(bench.binds.last == "bound")
        #expect(Set(bench.journal.map(\.key)).count == bench.journal.count)
    }

    @Test func noData_timesOutAfterTwoDays_andLateDataStillCounts() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        _ = bench.answer("c1", .success(.null))
        bench.pass(seconds: 48 * 3600 + 60)
        #expect(bench.binds == ["requested", "accepted", "timed_out"])
        #expect(bench.refusal { try $0.bind("c2") } == "rebind_needed")
        bench.allow()
        bench.pass(seconds: 60)
        #expect(bench.binds.last == "bound")
    }

    @Test func restart_goesOnWhereItWas() throws {
        var bench = try ready()
        _ = try bench.bind("c1")
        var again = try HanBench(hasPowerBox: true, record: bench.journal.last?.data)
        #expect(again.link.binding.state == .requested && again.link.binding.isUnknown)
        // The runner kept the order and its answer.
        again.plugIn()
        again.pass(seconds: 5)
        let isOurs3 = again.answer("c1", .success(.null))
        #expect(isOurs3)
        #expect(again.binds == ["accepted"])
        var third = try HanBench(hasPowerBox: true, record: again.journal.last?.data)
        third.plugIn()
        third.allow()
        third.pass(seconds: 60)
        #expect(third.binds == ["joining", "bound"])
    }

    @Test func wrongAdapter_orNone_isNotBound() throws {
        var none = try HanBench(hasPowerBox: true)
        #expect(none.refusal { try $0.bind("c1") } == "no_adapter")
        var other = try HanBench(hasPowerBox: true, adapterCode: "83FED3407A932B70")
        other.plugIn()
        other.pass(seconds: 5)
        #expect(other.refusal { try $0.bind("c1") } == "install_code_differs")
        #expect(other.orders.isEmpty && other.binds.isEmpty)
    }

    private let forgotten = ControlFailure(code: "http_404", message: "an id is not known there", hint: "")

    private func bound() throws -> HanBench {
        var bench = try ready()
        _ = try bench.bind("c1")
        _ = bench.answer("c1", .success(.null))
        bench.allow()
        bench.pass(seconds: 60)
        #expect(bench.binds.last == "bound")
        return bench
    }

    /// A utility that has forgotten the binding refuses to undo it: the box must not be stuck with it.
    @Test func refusedUnbind_letsAPersonBindWithoutIt() throws {
        var bench = try bound()
        #expect(try bench.bind("c2", ["rebind": true]) == nil)
        _ = bench.answer("c2.unbind", .failure(forgotten))
        guard case .failure(let refusal)? = bench.ends.last?.result else {
            Issue.record("no refusal")
            return
        }
        #expect(refusal.detail == "http_404" && refusal.message.contains("resend"))
        // Not by itself, and not without that word.
        #expect(bench.refusal { try $0.bind("c3") } == "already_bound")
        var again = try HanBench(hasPowerBox: true, record: bench.journal.last?.data)
        again.plugIn()
        again.pass(seconds: 5)
        #expect(try again.bind("c4", ["resend": true]) == nil)
        #expect(again.orders.map(\.operation) == ["bind"] && again.binds.last == "requested")
        // Once: then it is an ordinary bind.
        #expect(again.refusal { try $0.bind("c5", ["resend": true]) } == "bind_under_way")
    }

    /// The utility holds what it was asked for, whatever stands in the configuration by now.
    @Test func anotherMeter_isNotBound_andTheOldOneIsUndone() throws {
        var bench = try bound()
        bench.configure(meter: "251308613")
        #expect(bench.binds.last == "failed" && bench.link.binding.detail == "other_meter")
        bench.pass(seconds: 1000)
        #expect(bench.binds.last == "failed")
        #expect(bench.refusal { try $0.bind("c2") } == "rebind_needed")
        #expect(try bench.bind("c3", ["rebind": true]) == nil)
        #expect(bench.orders.last?.args == ["mac": "d8d5b90000001234", "meter": "217072470"])
        _ = bench.answer("c3.unbind", .success(.null))
        #expect(bench.orders.last?.operation == "bind" && bench.orders.last?.args["meter"] == "251308613")
    }

    @Test func anotherMeter_foundAtStart_isNotBound_andTheOldOneAgainIs() throws {
        let bench = try bound()
        var again = try HanBench(hasPowerBox: true, record: bench.journal.last?.data, meter: "251308613")
        again.plugIn()
        again.allow()
        again.pass(seconds: 60)
        #expect(again.binds.last == "failed")
        // Its unbind is refused: data of the old meter are still no proof.
        _ = try again.unbind("c2")
        _ = again.answer("c2", .failure(forgotten))
        again.pass(seconds: 1000)
        #expect(again.link.binding.state == .failed)
        again.configure(meter: "217072470")
        again.pass(seconds: 1000)
        #expect(again.binds.last == "bound")
    }
}
