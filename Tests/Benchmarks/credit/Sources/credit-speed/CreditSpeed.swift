import Credit
import Glibc
import Intervals
import Journal
import Metering

/// Credit and supply at work, measured: `ledger STEPS`, `tick UNITS`, `commit CREDITS GROUP FILE`.
@main
struct CreditSpeed {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "ledger": try ledger(steps: Int(arguments[1]) ?? 0)
        case "tick": try tick(units: Int(arguments[1]) ?? 0)
        case "commit": try commit(Int(arguments[1]) ?? 0, group: Int(arguments[2]) ?? 1, path: arguments[3])
        default: print("usage: credit-speed ledger STEPS | tick UNITS | commit CREDITS GROUP FILE")
        }
    }

    static func seconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static let start = WallTime(seconds: 1_772_409_600)  // 2026-03-02

    static func instant(_ wall: WallTime) -> SupplyInstant {
        SupplyInstant(wall: wall, uptime: Uptime(microseconds: (wall - start) * 1000))
    }

    /// A unit with two bands, VAT, a standing charge, emergency credit and a warning level.
    static func unit(_ number: Int) throws -> PaymentUnit {
        var account = CreditAccount(unit: "unit-\(number)", zone: .fixed(0))
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: 20_000_000), at: start, into: &events)
        let settings: [(String, JSONValue)] = [
            (
                "tariff",
                [
                    "tariff_id": 1, "standing_micro_per_day": 400_000, "vat_bp": 500,
                    "bands": [["name": "peak", "rate_micro": 300_000], ["name": "off", "rate_micro": 100_000]],
                    "times": [["band": "peak", "from": "15:00", "to": "21:00"]],
                ]
            ), ("emergency_credit", ["limit_micro": 5_000_000, "offer_below_micro": 1_000_000, "auto_activate": true]),
            ("low_credit", ["threshold_micro": 2_000_000]), ("omnipower", ["enabled": true]),
        ]
        for (name, value) in settings {
            if let setting = try UnitSetting.read(name, value) { try account.set(setting, at: start, into: &events) }
        }
        return PaymentUnit(
            account: account, supply: UnitSupply(policy: SupplyPolicy(), current: .connected, isTested: true))
    }

    /// Half hours of one unit in memory, supply decided after each; topped up by 20 when it runs low.
    static func ledger(steps: Int) throws {
        var unit = try unit(1)
        var events: [UnitEvent] = []
        let began = seconds(CLOCK_PROCESS_CPUTIME_ID)
        var wall = start
        var payments = 0
        for step in 0..<steps {
            wall = wall + 1_800_000
            let instant = instant(wall)
            try unit.charge(wattHours: Int64(step * 37 % 701), tariff: 1, at: instant, into: &events)
            if unit.account.balance < -1_000_000 {
                payments += 1
                let payment = PaymentAdd(paymentID: "p\(payments)", amount: 20_000_000)
                _ = try unit.carryOut(.pay(payment), at: instant, into: &events)
            }
            if events.count > 1000 { events.removeAll(keepingCapacity: true) }
        }
        let passed = seconds(CLOCK_PROCESS_CPUTIME_ID) - began
        let registers = unit.account.registers
        print(passed / Double(max(1, steps)) * 1e9, registers.balance, registers.emergencyUsed, registers.accumulated)
    }

    /// All units of a box decide supply, a thousand times over; the slowest and the middle tick in milliseconds.
    static func tick(units count: Int) throws {
        var units: [PaymentUnit] = []
        for number in 0..<count { units.append(try unit(number)) }
        var events: [UnitEvent] = []
        var ticks: [Double] = []
        for tick in 1...1000 {
            let instant = instant(start + Int64(tick) * 60_000)
            let began = seconds(CLOCK_PROCESS_CPUTIME_ID)
            for index in units.indices { try units[index].wake(at: instant, into: &events) }
            ticks.append((seconds(CLOCK_PROCESS_CPUTIME_ID) - began) * 1000)
            events.removeAll(keepingCapacity: true)
        }
        ticks.sort()
        print(ticks[500], ticks[990], ticks[999])
    }

    /// Credits made durable and answered, `group` of them in a transaction: what the daemon does with a payment.
    static func commit(_ credits: Int, group: Int, path: String) throws {
        let journal = try JournalStore(path: path, boxID: "box-1")
        try journal.append([
            JournalDraft(seq: 1, at: start, kind: .boxCreated, key: "box.created/1", data: ["box": "box-1"])
        ])
        var unit = try unit(1)
        var events: [UnitEvent] = []
        var answers = 0
        let began = (seconds(), seconds(CLOCK_PROCESS_CPUTIME_ID))
        var number = 0
        while number < credits {
            var drafts: [JournalDraft] = []
            var written: [JSONObject] = []
            for _ in 0..<group {
                number += 1
                let wall = start + Int64(number)
                events.removeAll(keepingCapacity: true)
                // Alternately up and down, so that the balance stays within its limits.
                let order = try command(number)
                _ = try unit.carryOut(order, at: instant(wall), into: &events)
                written.append(write(events, number, wall, journal.head, &drafts))
            }
            try journal.append(drafts)
            for answer in written { answers += JSONWriter.canonical(.object(answer)).count }
        }
        print(
            Double(credits) / (seconds() - began.0), (seconds(CLOCK_PROCESS_CPUTIME_ID) - began.1) / Double(credits),
            answers)
        journal.close()
    }

    static func command(_ number: Int) throws -> UnitCommand {
        if number % 2 == 1 {
            return .pay(PaymentAdd(paymentID: "payment-\(number)", amount: 20_000_000, currency: "AUD"))
        }
        return .adjust(
            try CreditAdjustment(adjust: ["adjustment_id": .string("adjustment-\(number)"), "delta_micro": -20_000_000])
        )
    }

    /// The records of one credit: received, what happened, done with its answer.
    static func write(
        _ events: [UnitEvent], _ number: Int, _ wall: WallTime, _ head: Int64, _ drafts: inout [JournalDraft]
    ) -> JSONObject {
        func append(_ kind: JournalKind, _ id: String, _ data: JSONObject) {
            let seq = head + Int64(drafts.count) + 1
            drafts.append(JournalDraft(seq: seq, at: wall, kind: kind, key: "\(kind.rawValue)/\(id)", data: data))
        }
        let jti = "command-\(number)"
        append(
            .commandReceived, jti,
            [
                "jti": .string(jti), "kid": "billing-1", "command": "payment_add", "unit": "unit-1",
                "payload_sha256": .string(hash),
            ])
        for case .credit(let credit, let balance) in events {
            append(credit.kind, "unit-1/\(number).\(drafts.count)", credit.data(unit: "unit-1", balance: balance))
        }
        let answer: JSONObject = [
            "id": .string(jti), "command": "payment_add", "unit": "unit-1", "state": "completed", "code": "applied",
            "detail": .null, "message": .null, "seq": .integer(head), "at": .string(wall.text), "result": [:],
        ]
        append(
            .commandDone, jti,
            ["jti": .string(jti), "kid": "billing-1", "payload_sha256": .string(hash), "result": .object(answer)])
        return answer
    }

    static let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}
