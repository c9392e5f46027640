import Intervals
import Metering
import Testing

@testable import Credit

/// A generator of the tests' own: the same numbers on every machine.
struct Dice {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func roll(_ range: ClosedRange<Int64>) -> Int64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return range.lowerBound + Int64(state % UInt64(range.upperBound - range.lowerBound + 1))
    }
}

/// A month of a household that tops up late, presses buttons and is billed by the calendar, as a scenario.
enum Household {
    static func scenario(_ seed: UInt64) -> JSONValue {
        var dice = Dice(seed)
        var at = time("2026-03-16T00:00:00Z").seconds + dice.roll(1...86_400)
        var events: [JSONValue] = []
        for number in 0..<300 {
            at += dice.roll(60...14_400)
            events.append(event(number, at, &dice))
        }
        let percent: JSONValue = [
            "mode": "percent_of_payment", "percent_bp": .integer(dice.roll(0...3333)), "weekly_cap_micro": 3_000_000,
        ]
        let period: JSONValue = [
            "mode": "per_period", "amount_micro": .integer(dice.roll(1...400_001)), "period": "daily", "at": "01:30",
        ]
        return [
            "zone": "Europe/London",
            "unit": [
                "balance_micro": .integer(dice.roll(-2_000_000...8_000_000)),
                "floor_first": .bool(dice.roll(0...1) == 0),
                "reconnect": .string(dice.roll(0...1) == 0 ? "button" : "automatic"),
                "settings": [
                    "tariff": [
                        "tariff_id": 1, "standing_micro_per_day": .integer(dice.roll(0...600_007)),
                        "vat_bp": .integer(dice.roll(0...2000)),
                        "bands": [["name": "all", "rate_micro": .integer(dice.roll(1...400_003))]],
                    ],
                    "emergency_credit": [
                        "limit_micro": .integer(dice.roll(0...6_000_000)), "offer_below_micro": 1_000_000,
                        "auto_activate": .bool(dice.roll(0...2) == 0),
                        "suspend_standing_charge": .bool(dice.roll(0...1) == 0),
                        "suspend_arrears": .bool(dice.roll(0...1) == 0),
                    ],
                    "low_credit": ["threshold_micro": 2_000_000],
                    "arrears": [
                        ["balance_micro": 9_000_001, "recovery": percent],
                        ["balance_micro": 7_000_003, "recovery": period],
                    ],
                    "regular_deduction": ["amount_micro": 123_457, "period": "weekly", "at": "02:15"],
                    "friendly_days": [
                        "days": [
                            "mon": [["from": "22:00", "to": "06:00"]], "sat": [["from": "00:00", "to": "24:00"]],
                            "sun": [["from": "01:15", "to": "02:45"]],
                        ]
                    ],
                    "special_days": [
                        "days": [["date": "2026-03-25"], ["date": "--04-01", "from": "09:00", "to": "12:00"]]
                    ],
                ],
            ],
            "events": .array(events),
        ]
    }

    private static func event(_ number: Int, _ seconds: Int64, _ dice: inout Dice) -> JSONValue {
        let at = JSONValue.string(WallTime(seconds: seconds).textSeconds)
        func command(_ name: String, _ args: JSONValue) -> JSONValue { ["at": at, "cmd": .string(name), "args": args] }
        switch dice.roll(0...19) {
        case 0...10: return ["at": at, "advance_wh": .integer(dice.roll(0...3000))]
        case 11, 12: return ["at": at, "button": "emergency_credit"]
        case 13, 14: return ["at": at, "button": "arm"]
        case 15:
            // Few ids, so that many are repeats.
            let id = dice.roll(0...5)
            return command(
                "payment_add", ["payment_id": .string("p\(id)"), "amount_micro": .integer(1_000_000 + id * 1_000_003)])
        case 16:
            return command(
                "payment_add",
                ["payment_id": .string("q\(number)"), "amount_micro": .integer(dice.roll(10_000...9_000_000))])
        case 17:
            return command(
                "payment_reverse",
                ["payment_id": .string("p\(dice.roll(0...5))"), "reversal_id": .string("r\(number)")])
        case 18:
            return command(
                "loan_extend", ["loan_id": .string("l\(number)"), "amount_micro": .integer(dice.roll(1...900_000))])
        default:
            return command(
                "credit_adjust",
                ["adjustment_id": .string("a\(number)"), "delta_micro": .integer(dice.roll(-500_000 ... -1))])
        }
    }
}

/// Recomputes everything from the scenario and the journal's own words, with no code of `Credit`: slow and simple.
struct Auditor {
    var balance: Int64 = 0
    var emergency: Int64 = 0
    var accumulated: Int64 = 0
    var paymentDebt: Int64 = 0
    var timeDebt: Int64 = 0
    var wattHours: Int64 = 0
    var energyMoney: Int64 = 0
    var vat: Int64 = 0
    var net: Int64 = 0
    var standingDays: Set<String> = []
    var payments: [String: Int64] = [:]
    var faults: [String] = []

    mutating func check(_ isRight: Bool, _ what: String) { if !isRight { faults.append(what) } }

    private func change(_ data: JSONValue, _ name: String) -> Int64 { data["change"]?["\(name)_micro"]?.integer ?? 0 }

    mutating func take(_ record: JSONValue, rate: Int64, standing: Int64, percent: Int64) {
        guard let data = record["data"], let kind = record["kind"]?.string else { return }
        let parts = ["balance", "emergency_used", "accumulated", "payment_debt", "time_debt"].map { change(data, $0) }
        switch kind {
        case "credit.charged": charge(data, parts, rate: rate, standing: standing)
        case "credit.topped_up":
            let amount = data["amount_micro"]?.integer ?? 0
            check(payments[data["payment_id"]?.string ?? ""] == nil, "a payment twice")
            payments[data["payment_id"]?.string ?? ""] = amount
            check(amount == parts[0] - parts[1] - parts[2] - parts[3], "a payment has other parts")
            check(-parts[3] <= amount * percent / 10_000, "too much recovered")
            check(parts[0] >= 0 && parts[1] <= 0 && parts[2] <= 0 && parts[3] <= 0, "a payment takes")
            // Rule 12 order: what comes later gets nothing while something before it is owed.
            check(accumulated + parts[2] == 0 || parts[1] == 0, "emergency credit before accumulated debt")
            check(emergency + parts[1] == 0 || balance + parts[0] <= 0, "balance before emergency credit")
        case "credit.reversed":
            let amount = payments[data["payment_id"]?.string ?? ""] ?? 0
            check(amount == -(parts[0] - parts[1] - parts[2] - parts[3]), "a reversal is not its payment")
        case "credit.adjusted":
            balance += data["delta_micro"]?.integer ?? 0
            return
        default: break
        }
        balance += parts[0]
        emergency += parts[1]
        accumulated += parts[2]
        paymentDebt += parts[3]
        timeDebt += parts[4]
    }

    private mutating func charge(_ data: JSONValue, _ parts: [Int64], rate: Int64, standing: Int64) {
        let amount = data["amount_micro"]?.integer ?? 0
        check(amount == -parts[0] + parts[1] + parts[2], "a charge is not what was taken")
        check(parts[0] <= 0 && parts[1] >= 0 && parts[2] >= 0, "a charge gives")
        for line in data["lines"]?.array ?? [] {
            let money = line["amount_micro"]?.integer ?? 0
            if line["what"] == "vat" {
                vat += money
            } else if data["charge"] != "time_debt", data["charge"] != "deduction" {
                net += money
            }
        }
        switch data["charge"]?.string {
        case "energy":
            wattHours += data["energy_wh"]?.integer ?? 0
            energyMoney += data["lines"]?.array?.first?["amount_micro"]?.integer ?? 0
            check(energyMoney == wattHours * rate / 1000, "energy is not quantity × price")
        case "standing":
            check(data["lines"]?.array?.first?["amount_micro"]?.integer == standing, "another standing charge")
            check(standingDays.insert(data["day"]?.string ?? "").inserted, "a standing charge twice")
        case "time_debt": check(amount == -parts[4], "time debt is not what was taken")
        default: break
        }
    }
}

@Suite struct PropertyTests {
    static let seeds = Array(UInt64(1)...24)

    @Test(arguments: seeds)
    func account_conservesMoney(seed: UInt64) throws {
        let scenario = Household.scenario(seed)
        let result = try CreditScenario.run(scenario, zone: Zones.named)
        let settings = try #require(scenario["unit"]?["settings"])
        let tariff = try #require(settings["tariff"])
        let rate = try #require(tariff["bands"]?.array?.first?["rate_micro"]?.integer)
        let standing = try #require(tariff["standing_micro_per_day"]?.integer)
        let percent = try #require(settings["arrears"]?.array?.first?["recovery"]?["percent_bp"]?.integer)
        var auditor = Auditor()
        for record in result["journal"]?.array ?? [] {
            auditor.take(record, rate: rate, standing: standing, percent: percent)
            if let shown = record["data"]?["balance_micro"]?.integer, record["kind"] != "unit.setting" {
                auditor.check(shown == auditor.balance, "the balance of record \(record["seq"] ?? .null)")
            }
        }
        let last = try #require(result["steps"]?.array?.last)
        auditor.check(last["balance_micro"]?.integer == auditor.balance, "balance")
        auditor.check(last["emergency_used_micro"]?.integer == auditor.emergency, "emergency credit")
        auditor.check(last["accumulated_micro"]?.integer == auditor.accumulated, "accumulated debt")
        auditor.check(last["payment_debt_micro"]?.integer == auditor.paymentDebt, "payment debt")
        auditor.check(last["time_debt_micro"]?.integer == auditor.timeDebt, "time debt")
        auditor.check(auditor.vat == auditor.net * (tariff["vat_bp"]?.integer ?? 0) / 10_000, "VAT")
        // Midnights of London from the first event to the last, counted by hand: summer begins on 29 March.
        let events = scenario["events"]?.array ?? []
        func day(_ event: JSONValue?) -> Int64 {
            let seconds = time(event?["at"]?.string ?? "").seconds
            return (seconds >= time("2026-03-29T01:00:00Z").seconds ? seconds + 3600 : seconds) / 86_400
        }
        let midnights = standing == 0 ? 0 : day(events.last) - day(events.first)
        auditor.check(Int64(auditor.standingDays.count) == midnights, "standing charges")
        let used = events.reduce(Int64(0)) { $0 + ($1["advance_wh"]?.integer ?? 0) }
        auditor.check(used == auditor.wattHours, "energy")
        #expect(auditor.faults == [])
    }

    @Test(arguments: seeds)
    func supply_neverOpensInProtectedTime(seed: UInt64) throws {
        let result = try CreditScenario.run(Household.scenario(seed), zone: Zones.named)
        var state = "connected"
        for record in result["journal"]?.array ?? [] where record["kind"] == "supply.decided" {
            let decided = record["data"]?["decided"]?.string ?? ""
            if state == "connected", decided == "disconnected" {
                #expect(!Self.isProtected(record["at"]?.string ?? ""), "seed \(seed): \(record)")
            }
            state = decided
        }
    }

    /// The household's calendar, read off the local clock.
    private static func isProtected(_ text: String) -> Bool {
        let utc = time(text).seconds
        let local = utc >= time("2026-03-29T01:00:00Z").seconds ? utc + 3600 : utc
        let civil = CivilTime(seconds: local)
        let minute = civil.hour * 60 + civil.minute
        let weekday = (local / 86_400 + 3) % 7
        let isFriendly =
            weekday == 0 && minute >= 1320 || weekday == 1 && minute < 360 || weekday == 5
            || weekday == 6 && (75..<165).contains(minute)
        let isSpecial =
            civil.month == 3 && civil.day == 25 || civil.month == 4 && civil.day == 1 && (540..<720).contains(minute)
        return isFriendly || isSpecial
    }

    /// However the polls cut the same use, the same registers come out.
    @Test(arguments: seeds)
    func account_isTheSameHoweverUseIsSplit(seed: UInt64) throws {
        let scenario = Household.scenario(seed)
        var dice = Dice(seed &+ 1000)
        var split: [JSONValue] = []
        for event in scenario["events"]?.array ?? [] {
            guard var rest = event["advance_wh"]?.integer, let at = event["at"] else {
                split.append(event)
                continue
            }
            while rest > 0 {
                let part = min(rest, dice.roll(1...700))
                split.append(["at": at, "advance_wh": .integer(part)])
                rest -= part
            }
            split.append(["at": at, "tick": true])
        }
        var other = try #require(scenario.object)
        other["events"] = .array(split)
        let one = try CreditScenario.run(scenario, zone: Zones.named)["steps"]?.array?.last
        let two = try CreditScenario.run(.object(other), zone: Zones.named)["steps"]?.array?.last
        for name in [
            "balance_micro", "emergency_used_micro", "accumulated_micro", "payment_debt_micro", "time_debt_micro",
            "available_micro", "emergency_state",
        ] { #expect(one?[name] == two?[name], "seed \(seed): \(name)") }
    }

    /// A box that stops at any record and reads its journal goes on as if it had not stopped.
    @Test(arguments: seeds)
    func account_isAFoldOverItsJournal(seed: UInt64) throws {
        let scenario = Household.scenario(seed)
        let journal = try #require(try CreditScenario.run(scenario, zone: Zones.named)["journal"]?.array)
        let limits = AccountLimits(floorFirst: scenario["unit"]?["floor_first"]?.bool ?? false)
        let whole = try replayed(journal, zone: Zones.london, limits: limits)
        let end = time("2026-06-01T00:00:00Z")
        for part in [journal.count / 3, journal.count * 2 / 3] {
            var resumed = try replayed(Array(journal[..<part]), zone: Zones.london, limits: limits)
            for record in journal[part...] {
                guard let kind = record["kind"]?.string.flatMap(JournalKind.init(rawValue:)),
                    let data = record["data"]?.object,
                    let event = try CreditEvent.read(kind: kind, data: data, at: time(record["at"]?.string ?? ""))
                else { continue }
                try resumed.apply(event)
            }
            #expect(resumed.json(at: end) == whole.json(at: end), "seed \(seed)")
            var one = whole
            var first: [CreditEvent] = []
            var second: [CreditEvent] = []
            let order = PaymentAdd(paymentID: "late", amount: 7_000_001)
            for (wattHours, text) in [(Int64(777), "2026-05-02T10:00:00Z"), (5001, "2026-05-19T23:00:00Z")] {
                try one.catchUp(to: time(text), into: &first)
                try resumed.catchUp(to: time(text), into: &second)
                try one.charge(wattHours: wattHours, tariff: 1, until: time(text), into: &first)
                try resumed.charge(wattHours: wattHours, tariff: 1, until: time(text), into: &second)
            }
            _ = try one.pay(order, at: end, into: &first)
            _ = try resumed.pay(order, at: end, into: &second)
            #expect(first == second, "seed \(seed)")
        }
    }
}
