import Foundation
import Metering
import Testing

/// From the meter's wire to the cloud and to the installer's terminal, on real parts.
@Suite(.serialized) struct MainPathTests {
    @Test func threeMeters_onTwoWires_reachCloudAndTerminal() throws {
        let sandbox = try Sandbox()
        let broker = try Broker(sandbox)
        let cloud = try CloudPeer(sandbox, port: broker.port, box: BoxUnderTest.id)
        let box = BoxUnderTest(sandbox)
        #expect(try box.startBoard())
        try box.writeBoardConfiguration(broker: broker.port)
        try box.startDaemon()
        #expect(try box.metersAreLive(3), "\(box.daemonLog)")

        let read = try box.json("meter", "read", "217072470")
        let voltage = read?["readings"]?.array?.first { $0["channel"]?.string == "voltage_l1_v" }
        #expect(voltage?["unit"]?.string == "V" && voltage?["register"]?.string == "E000")
        #expect(
            DecimalValue(text: voltage?["value"]?.string ?? "")?.flooredInteger.map { (200...260).contains($0) } == true
        )

        // Intervals of every meter arrive, with values, and the outbox drains to zero by receipts.
        let meters = ["217072470", "251308613", "SDM-1"]
        #expect(
            sandbox.eventually(90) {
                meters.allSatisfy { meter in
                    cloud.records.contains { record in
                        record["kind"]?.string == "interval" && record["data"]?["meter"]?.string == meter
                            && Self.hasActualImport(record)
                    }
                }
            }, "\(box.daemonLog)")
        #expect(
            try sandbox.eventually {
                let outbox = try box.json("outbox", "show")
                return outbox?["pending"]?.integer == 0
            })
        for meter in meters {
            #expect(sandbox.eventually { !cloud.messages("meter/\(meter)/live").isEmpty })
        }
        #expect(cloud.messages("state").last?["state"]?.string == "online")

        let listed =
            try box.json(
                "interval", "list", "--meter", "SDM-1", "--from", "-2h", "--to", "now")?.array ?? []
        #expect(listed.contains { $0["channel"]?.string == "import_wh" && $0["value_wh"]?.integer != nil })
        let table = try box.cli("interval", "list", "--meter", "SDM-1", "--from", "-2h", "--to", "now")
        #expect(table.code == 0 && table.out.split(separator: "\n").allSatisfy { $0.count <= 80 })

        // What the cloud holds is the box's own record, hash by hash.
        let exported = try box.cli("ledger", "export")
        let check = try sandbox.run(Programs.python, [Programs.support("check_journal.py")], input: exported.out)
        let count = exported.out.split(separator: "\n").count
        #expect(check.code == 0 && check.out.hasPrefix("\(count) records are sound") && count > 5, "\(check)")
        let held = cloud.journal()
        #expect(held.repeatsAgree)
        for line in exported.out.split(separator: "\n") {
            let record = try JSONReader.read(String(line))
            guard let seq = record["seq"]?.integer, let copy = held.bySequence[seq] else { continue }
            #expect(copy == record || Self.sameMembers(copy, record))
        }
        #expect(try box.json("ledger", "verify")?["ok"]?.bool == true)

        box.signal(SIGTERM)
        #expect(box.daemonExitCode == 0, "\(box.daemonLog)")
        #expect(sandbox.eventually { cloud.messages("state").last?["state"]?.string == "offline" })
    }

    /// EDMI meters that share a wire answer only to their own number: the configuration knows it.
    @Test func scan_ofAConfiguredPort_findsItsMetersAtOnce() throws {
        let sandbox = try Sandbox()
        let box = BoxUnderTest(sandbox)
        #expect(try box.startBoard())
        try box.writeBoardConfiguration(broker: nil)
        try box.startDaemon()
        #expect(try box.metersAreLive(3), "\(box.daemonLog)")
        let scan = try box.json("meter", "scan", "a")
        let found = scan?["found"]?.array?.compactMap { $0["address"]?.integer } ?? []
        #expect(found.contains(217_072_470) && found.contains(251_308_613), "\(String(describing: scan))")
        #expect(scan?["tried"]?.integer.map { $0 <= 30 } == true, "\(String(describing: scan))")
    }

    private static func hasActualImport(_ record: JSONValue) -> Bool {
        record["data"]?["channels"]?.array?.contains {
            $0["channel"]?.string == "import_wh" && $0["quality"]?.string == "A" && $0["value_wh"]?.integer != nil
        } ?? false
    }

    /// Members may come in another order.
    private static func sameMembers(_ left: JSONValue, _ right: JSONValue) -> Bool {
        JSONWriter.canonical(left) == JSONWriter.canonical(right)
    }
}
