import Credit
import Drivers
import Metering
import Testing

@testable import Gateway

@Suite("Units: what a start keeps of the journal")
struct UnitFoldTests {
    /// A unit to which everything has happened that leaves a trace.
    private func story() throws -> UnitBench {
        var bench = UnitBench(try UnitBench.configuration(delay: 60))
        bench.pass(minutes: 2)
        let commands: [(String, JSONValue)] = [
            (
                "tariff_set",
                [
                    "tariff_id": 1, "unit": "kWh", "standing_micro_per_day": 500_000, "vat_bp": 500,
                    "bands": [
                        ["name": "all", "rate_micro": 1_000_000],
                        [
                            "name": "all", "rate_micro": 900_000,
                            "from_quantity_wh": 400,
                        ],
                    ], "blocks": ["reset": "day"],
                ]
            ),
            (
                "tariff_set",
                [
                    "tariff_id": 2, "unit": "kWh", "standing_micro_per_day": 0, "vat_bp": 0, "channel": "export_wh",
                    "bands": [["name": "sun", "rate_micro": 80_000]],
                ]
            ),
            (
                "emergency_credit_set",
                ["limit_micro": 500_000, "offer_below_micro": 300_000, "auto_activate": true]
            ),
            ("low_credit_set", ["threshold_micro": 400_000]),
            (
                "arrears_set",
                [
                    "balance_micro": 3_000_000,
                    "recovery": [
                        "mode": "percent_of_payment", "percent_bp": 2500, "weekly_cap_micro": 1_000_000,
                    ],
                ]
            ),
            ("regular_deduction_set", ["amount_micro": 10_000, "period": "daily", "at": "12:10"]),
            ("currency_set", ["symbol": "$"]), ("special_days_set", ["days": [["date": "--12-25"]]]),
            ("suggestion_set", ["lookback_days": 14, "cover_days": 7]),
            ("display_text_show", ["text": "hello", "duration_s": 600]),
            ("payment_add", ["payment_id": "first", "amount_micro": 900_000]),
            ("loan_extend", ["loan_id": "loan", "amount_micro": 200_000]),
            ("credit_adjust", ["adjustment_id": "adj", "delta_micro": 50_000, "reason": "test"]),
            ("payment_add", ["payment_id": "wrong", "amount_micro": 70_000]),
            ("payment_reverse", ["payment_id": "wrong", "reversal_id": "rev", "reason": "test"]),
        ]
        for (name, args) in commands {
            let result = try bench.command(name, args)
            #expect(result["state"] == "completed", "\(name): \(result)")
        }
        try bench.enable()
        bench.pass(minutes: 90)
        try bench.pay("second", 5_000_000)
        bench.home.moveByHand(closed: !bench.home.isClosed, at: bench.elapsed)
        bench.pass(minutes: 3)
        _ = try bench.send("supply_mode_set", ["mode": "force_off"])
        bench.pass(minutes: 3)
        return bench
    }

    @Test func foldThatWasKept_goesOnAsIfItHadNotBeen() throws {
        let bench = try story()
        let records = bench.unitRecords.map { JournalEntry(draft: $0, hash: "") }
        var whole = UnitFold(bench.configuration)
        var states: [[UInt8]] = []
        for entry in records {
            states.append(try whole.frozen())
            whole.take(entry)
        }
        states.append(try whole.frozen())
        #expect(records.count > 60)
        #expect(whole.units.first?.contradiction == nil)
        for cut in 0...records.count {
            var later = try UnitFold(frozen: states[cut])
            #expect(later.isFor(bench.configuration))
            #expect(try later.frozen() == states[cut], "after record \(cut)")
            for entry in records[cut...] { later.take(entry) }
            #expect(try later.frozen() == states.last, "kept after record \(cut)")
        }
    }

    @Test func foldThatWasKept_isTheAccountThatWas() throws {
        let bench = try story()
        let fold = try UnitFold(frozen: try #require(bench.recovered.units).frozen())
        let account = try #require(fold.units.first?.account)
        let live = try #require(bench.unit?.payment.account)
        #expect(account.isSame(as: live))
        #expect(account.balance == bench.balance)
    }

    @Test func anotherZoneOrLimit_isAnotherFold() throws {
        let configuration = try UnitBench.configuration()
        let fold = try UnitFold(frozen: UnitFold(configuration).frozen())
        #expect(fold.isFor(configuration))
        var other = configuration
        other.box.zone = .fixed(3600)
        #expect(!fold.isFor(other))
        other = configuration
        other.units[0].limits.maxBalance += 1
        #expect(!fold.isFor(other))
    }

    @Test func damagedBytes_areNoFold() throws {
        let bench = try story()
        let bytes = try #require(bench.recovered.units).frozen()
        for cut in stride(from: 0, to: bytes.count, by: 97) {
            #expect(throws: StateFault.self) { try UnitFold(frozen: Array(bytes.prefix(cut))) }
        }
    }
}
