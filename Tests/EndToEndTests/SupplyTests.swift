import Foundation
import Metering
import Testing

/// Credit and supply on real wires: the daemon, a meter, and a relay that moves.
@Suite(.serialized) struct SupplyTests {
    /// Paid by a signed command, used up, cut, restarted, paid again and switched on by the customer.
    @Test func credit_runsOutAndComesBack() throws {
        let sandbox = try Sandbox()
        let broker = try Broker(sandbox)
        let cloud = try CloudPeer(sandbox, port: broker.port, box: BoxUnderTest.id)
        let bench = try SupplyBench(sandbox, broker: broker.port)
        try bench.box.trust(TestKey.owner, as: "owner-1", role: "owner")
        try bench.box.startDaemon()
        let fault = try bench.commission()
        try #require(fault == nil, "\(fault ?? "") \(bench.box.daemonLog)")

        let signer = Signer(sandbox: sandbox, seed: TestKey.owner, kid: "owner-1", box: BoxUnderTest.id)
        var claims = signer.claims("payment_add", ["payment_id": "pay-1", "amount_micro": 3_000_000], jti: "jti-1")
        claims["sub"] = .string(SupplyBench.unit)
        claims["exp"] = .integer((claims["iat"]?.integer ?? 0) + 86_400)
        cloud.publish("command", try signer.sign(claims))
        #expect(cloud.result("jti-1")?["code"]?.string == "applied", "\(bench.box.daemonLog)")
        // The same payment from somebody else, under another id.
        let again = try bench.send("payment_add", "{\"payment_id\":\"pay-1\",\"amount_micro\":3000000}")
        #expect(again?["result"]?["already_applied"]?.bool == true, "\(again ?? .null)")
        let other = try bench.send("payment_add", "{\"payment_id\":\"pay-1\",\"amount_micro\":4000000}")
        #expect(other?["code"]?.string == "conflict", "\(other ?? .null)")

        #expect(try bench.isObserved("disconnected"), "\(bench.box.daemonLog)")
        #expect(try bench.supply()?["reason"]?.string == "exhausted")
        #expect(try bench.watts() == "0")
        let balance = try bench.balance()
        let page = sandbox.text("display")

        bench.box.killDaemon()
        try bench.box.startDaemon()
        #expect(try bench.box.metersAreLive(1), "\(bench.box.daemonLog)")
        #expect(try bench.isObserved("disconnected"), "\(bench.box.daemonLog)")
        #expect(try bench.balance() == balance)

        let paid = try bench.send("payment_add", "{\"payment_id\":\"pay-2\",\"amount_micro\":100000000}")
        #expect(paid?["code"]?.string == "applied", "\(paid ?? .null)")
        #expect(try bench.isObserved("armed"), "\(bench.box.daemonLog)")
        // The customer sees four lines, and other ones than before.
        #expect(page.components(separatedBy: "\n").count == 5, "\(page)")
        #expect(sandbox.eventually { sandbox.text("display") != page })
        bench.box.orderBoard("press arm 30")
        #expect(try bench.isObserved("connected"), "\(bench.box.daemonLog)")
        #expect(try sandbox.eventually { try bench.watts().map { $0 != "0" } ?? false })

        let orders = try bench.records("supply.ordered").compactMap { $0["data"]?["order"]?.string }
        #expect(orders == ["disconnect", "connect", "disconnect", "connect"])
        #expect(try bench.records("supply.confirmed").count >= 4)
        #expect(try bench.records("supply.contradicted").isEmpty && bench.alarms().isEmpty)
        #expect(try bench.records("credit.topped_up").count == 2)
        #expect(try bench.box.cli("ledger", "verify").code == 0)
    }

    /// Held off and on by order, through a weld and a crash, and then a contact that opens by itself and does not
    /// follow.
    @Test func orders_moveTheSwitchAndWhatItDoesByItselfIsTold() throws {
        let sandbox = try Sandbox()
        let bench = try SupplyBench(sandbox)
        try bench.box.startDaemon()
        let fault = try bench.commission()
        try #require(fault == nil, "\(fault ?? "") \(bench.box.daemonLog)")
        try bench.send("payment_add", "{\"payment_id\":\"pay-1\",\"amount_micro\":500000000}")

        // A welded contact says that it opens, and load flows on: only the meter knows.
        bench.box.orderBoard("weld relay-1")
        let off = try bench.send("supply_mode_set", "{\"mode\":\"force_off\"}")
        #expect(off?["code"]?.string == "applied", "\(off ?? .null) \(bench.box.daemonLog)")
        #expect(try bench.observed() == "disconnected")
        #expect(
            try sandbox.eventually { try bench.alarms().contains("load_on_open_switch") }, "\(bench.box.daemonLog)")
        bench.box.orderBoard("mend relay-1")
        #expect(try sandbox.eventually { try bench.watts() == "0" })
        let ordered = try bench.records("supply.ordered").count

        bench.box.killDaemon()
        try bench.box.startDaemon()
        #expect(try bench.box.metersAreLive(1), "\(bench.box.daemonLog)")
        #expect(try bench.isObserved("disconnected"), "\(bench.box.daemonLog)")
        #expect(try bench.records("supply.ordered").count == ordered)

        let on = try bench.send("supply_mode_set", "{\"mode\":\"force_on\"}")
        #expect(on?["code"]?.string == "applied", "\(on ?? .null) \(bench.box.daemonLog)")
        #expect(try bench.observed() == "connected")

        // It opens by itself and stays there whatever it is told; then somebody mends it.
        bench.box.orderBoard("stick relay-1")
        bench.box.orderBoard("trip relay-1")
        #expect(
            try sandbox.eventually {
                let alarms = try bench.alarms()
                return alarms.contains("switch_self_opened") && alarms.contains("switch_contradicted")
            }, "\(bench.box.daemonLog)")
        #expect(try bench.observed() != "connected")
        let doctor = try bench.box.cli("doctor")
        #expect(doctor.out.contains("switch relay-1"), "\(doctor.out)")
        bench.box.orderBoard("mend relay-1")
        #expect(try bench.isObserved("connected"), "\(bench.box.daemonLog)")
    }
}
