import Metering
import Testing

@testable import Credit

/// Bad values are refused with the field and what is allowed; nothing changes.
@Suite struct BadInputTests {
    /// Lines of columns.
    static func rows(_ text: String) -> [[String]] {
        text.split(separator: "\n").map { line in
            line.split(separator: "|").map { String($0).trimmed }
        }
    }

    static let tariff: JSONValue = ["tariff_id": 1, "bands": [["name": "all", "rate_micro": 1]]]

    static let arguments = """
        payment_add | {"amount_micro":10000} | payment_id
        payment_add | {"payment_id":"a b","amount_micro":10000} | payment_id
        payment_add | {"payment_id":"p"} | amount_micro
        payment_add | {"payment_id":"p","amount_micro":9999} | amount_micro
        payment_add | {"payment_id":"p","amount_micro":999999000001} | amount_micro
        payment_add | {"payment_id":"p","amount_micro":-10000} | amount_micro
        payment_add | {"payment_id":"p","amount_micro":"10000"} | amount_micro
        payment_add | {"payment_id":"p","amount_micro":9223372036854775807} | amount_micro
        payment_add | {"payment_id":"p","amount_micro":10000,"currency":"gbp"} | currency
        payment_add | {"payment_id":"p","amount_micro":10000,"paid_at":"2026-02-30"} | paid_at
        payment_add | {"payment_id":"p","amount_micro":10000,"amount":1} | unknown_member
        payment_reverse | {"payment_id":"p"} | reversal_id
        credit_adjust | {"adjustment_id":"a","delta_micro":0} | delta_micro
        credit_adjust | {"adjustment_id":"a","delta_micro":-9223372036854775808} | delta_micro
        credit_set | {"adjustment_id":"a","balance_micro":9223372036854775807} | balance_micro
        loan_extend | {"loan_id":"l","amount_micro":0} | amount_micro
        emergency_credit_set | {"limit_micro":10000000001} | limit_micro
        emergency_credit_set | {"limit_micro":1,"offer_below_micro":-1} | offer_below_micro
        emergency_credit_set | {"limit_micro":1,"auto_activate":1} | auto_activate
        low_credit_set | {"threshold_micro":-1} | threshold_micro
        low_credit_set | {"threshold_micro":1,"repeat_minutes":1441} | repeat_minutes
        arrears_set | {} | balance_micro
        arrears_set | {"balance_micro":-1} | balance_micro
        arrears_set | {"balance_micro":1,"recovery":{"mode":"sometimes"}} | recovery.mode
        arrears_set | {"balance_micro":1,"recovery":{"mode":"percent_of_payment"}} | recovery.percent_bp
        arrears_set | {"balance_micro":1,"recovery":{"mode":"percent_of_payment",\
        "percent_bp":10001}} | recovery.percent_bp
        arrears_set | {"balance_micro":1,"recovery":{"mode":"per_period","amount_micro":1}} | recovery.period
        arrears_set | {"balance_micro":1,"recovery":{"mode":"per_period","amount_micro":1,"period":"daily",\
        "percent_bp":1}} | recovery.percent_bp
        arrears_set | {"balance_micro":1,"recovery":{"mode":"per_period","amount_micro":1,"period":"monthly",\
        "day":29}} | recovery.day
        regular_deduction_set | {"amount_micro":1,"period":"yearly"} | period
        regular_deduction_set | {"amount_micro":1,"period":"daily","at":"24:00"} | at
        regular_deduction_set | {"amount_micro":1,"period":"daily","at":"7:00"} | at
        regular_deduction_set | {"amount_micro":1,"period":"daily","weekday":"mon"} | weekday
        regular_deduction_set | {"amount_micro":1,"period":"weekly","day":1} | day
        suggestion_set | {"lookback_days":91,"cover_days":1} | lookback_days
        suggestion_set | {"lookback_days":1,"cover_days":0} | cover_days
        suggestion_set | {"lookback_days":1,"cover_days":1,"min_micro":2,"max_micro":1} | min_micro
        suggestion_set | {"lookback_days":1,"cover_days":1,"round_up_to_micro":0} | round_up_to_micro
        friendly_days_set | {} | days
        friendly_days_set | {"days":{"monday":[]}} | days.unknown_member
        friendly_days_set | {"days":{"mon":[{"from":"10:00"}]}} | days.mon[0].to
        friendly_days_set | {"days":{"mon":[{"from":"10:00","to":"10:00"}]}} | days.mon[0].to
        friendly_days_set | {"days":{"mon":[{"from":"24:00","to":"10:00"}]}} | days.mon[0].from
        friendly_days_set | {"days":{"mon":[{"from":"10:00","to":"24:01"}]}} | days.mon[0].to
        friendly_days_set | {"days":{"mon":[{"from":"10:00","to":"12:00"},{"from":"11:59",\
        "to":"13:00"}]}} | days.mon[1].from
        friendly_days_set | {"days":{"mon":[{"from":"22:00","to":"06:00"},{"from":"23:00",\
        "to":"24:00"}]}} | days.mon[1].from
        friendly_days_set | {"days":{"mon":[{"from":"1","to":"2"},{"from":"1","to":"2"},{"from":"1","to":"2"},\
        {"from":"1","to":"2"},{"from":"1","to":"2"}]}} | days.mon
        special_days_set | {} | days
        special_days_set | {"days":[{"date":"2026-02-29"}]} | days[0].date
        special_days_set | {"days":[{"date":"--13-01"}]} | days[0].date
        special_days_set | {"days":[{"date":"2026-1-1"}]} | days[0].date
        special_days_set | {"days":[{"date":"--12-25","from":"10:00","to":"09:00"}]} | days[0].to
        special_days_set | {"days":[{"date":"--12-25"},{"date":"2026-12-25","from":"10:00"}]} | days[1]
        special_days_set | {"days":[{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},{"date":"--01-01"},\
        {"date":"--01-01"}]} | days
        daylight_saving_set | {"intervals":[{"start":"2026-04-01","end":"2026-04-01",\
        "offset_minutes":60}]} | intervals[0].end
        daylight_saving_set | {"intervals":[{"start":"2026-04-01","end":"2026-05-01",\
        "offset_minutes":121}]} | intervals[0].offset_minutes
        daylight_saving_set | {"intervals":[{"start":"2026-04-01","end":"2026-06-01","offset_minutes":60},\
        {"start":"2026-05-01","end":"2026-07-01","offset_minutes":60}]} | intervals[1].start
        supply_mode_set | {"mode":"off"} | mode
        operational_mode_set | {"mode":"factory"} | confirm
        operational_mode_set | {"mode":"postpaid"} | mode
        omnipower_set | {"enabled":true,"meter_slot":17} | meter_slot
        omnipower_set | {"enabled":true,"reconnect":"maybe"} | reconnect
        currency_set | {"symbol":"EURO"} | symbol
        currency_set | {"symbol":"\\u00a3","decimals":4} | decimals
        tariff_set | {"tariff_id":1,"bands":[{"name":"all","rate_micro":-1}]} | bands[0].rate_micro
        tariff_set | {"tariff_id":9,"bands":[{"name":"all","rate_micro":1}]} | tariff_id
        tariff_set | {"tariff_id":1,"bands":[]} | bands
        """

    @Test(arguments: rows(arguments))
    func read_namesTheField(row: [String]) throws {
        let (command, args, field) = (row[0], try JSONReader.read(row[1]), row[2])
        do throws(ArgumentFault) {
            let read = try UnitCommand.read(command, args)
            Issue.record("\(command) took \(args) as \(String(describing: read))")
        } catch {
            #expect(error.argument == field)
            #expect(error.message.count > error.argument.count, "says what is allowed")
        }
    }

    static let scenarios = """
        {"events":{}} | events
        {"events":[{}]} | events[0].at
        {"events":[{"at":"now","tick":true}]} | events[0].at
        {"events":[{"at":"2026-03-02T00:00:00Z"}]} | events[0]
        {"events":[{"at":"2026-03-02T00:00:00Z","tick":true,"button":"arm"}]} | events[0]
        {"events":[{"at":"2026-03-02T00:00:00Z","tick":false}]} | events[0].tick
        {"events":[{"at":"2026-03-02T00:00:00Z","advance_wh":-1}]} | events[0].advance_wh
        {"events":[{"at":"2026-03-02T00:00:00Z","advance_wh":9223372036854775807}]} | events[0].advance_wh
        {"events":[{"at":"2026-03-02T00:00:00Z","button":"off"}]} | events[0].button
        {"events":[{"at":"2026-03-02T00:00:00Z","tick":true,"args":{}}]} | events[0].args
        {"events":[{"at":"1970-01-01","tick":true},{"at":"2026-01-01","tick":true}]} | events[1].at
        {"zone":"Mars/Olympus","events":[{"at":"2026-03-02","tick":true}]} | zone
        {"unit":{"balance":1},"events":[{"at":"2026-03-02","tick":true}]} | unit.unknown_member
        {"unit":{"balance_micro":1000000001},"events":[{"at":"2026-03-02","tick":true}]} | unit.balance_micro
        {"unit":{"accumulated_micro":-1},"events":[{"at":"2026-03-02","tick":true}]} | unit.accumulated_micro
        {"unit":{"emergency_state":"on"},"events":[{"at":"2026-03-02","tick":true}]} | unit.emergency_state
        {"unit":{"supply":"on"},"events":[{"at":"2026-03-02","tick":true}]} | unit.supply
        {"unit":{"settings":{"tarif":{}}},"events":[{"at":"2026-03-02","tick":true}]} | unit.settings.unknown_member
        {"unit":{"settings":{"tariff":{"bands":[]}}},"events":[{"at":"2026-03-02",\
        "tick":true}]} | unit.settings.tariff.bands
        {"unit":{"max_balance_micro":5,"settings":{"low_credit":{"threshold_micro":6}}},\
        "events":[{"at":"2026-03-02","tick":true}]} | unit.threshold_micro
        """

    @Test(arguments: rows(scenarios))
    func scenario_namesTheField(row: [String]) throws {
        let (value, field) = (try JSONReader.read(row[0]), row[1])
        do throws(ArgumentFault) {
            _ = try CreditScenario.run(value, zone: Zones.named)
            Issue.record("took \(value)")
        } catch {
            #expect(error.argument == field)
        }
    }

    /// What only the account can know to be wrong: by code and detail, with nothing changed.
    static let orders = """
        payment_add | {"payment_id":"p","amount_micro":10000,"currency":"EUR"} | format | currency
        payment_add | {"payment_id":"p","amount_micro":500000001} | limit | max_credit
        payment_add | {"payment_id":"p","amount_micro":999000000} | limit | max_credit
        payment_reverse | {"payment_id":"p","reversal_id":"r"} | precondition | payment_unknown
        credit_adjust | {"adjustment_id":"a","delta_micro":1000000000} | limit | max_balance
        credit_set | {"adjustment_id":"a","balance_micro":1000000001} | limit | max_balance
        loan_extend | {"loan_id":"l","amount_micro":1,"expires_at":"2026-03-02T10:00:00Z"} | limit | expires_at
        loan_extend | {"loan_id":"l","amount_micro":1,"expires_at":"2026-03-01"} | limit | expires_at
        emergency_credit_set | {"limit_micro":1,"offer_below_micro":1000000001} | limit | offer_below_micro
        low_credit_set | {"threshold_micro":1000000001} | limit | threshold_micro
        supply_mode_set | {"mode":"force_on","expires_at":"2026-03-01"} | limit | expires_at
        operational_mode_set | {"mode":"credit","effective_at":"2026-03-01"} | limit | effective_at
        tariff_set | {"tariff_id":1,"valid_from":"2026-03-01","bands":[{"name":"all",\
        "rate_micro":1}]} | limit | valid_from
        daylight_saving_set | {"intervals":[{"start":"2025-04-01","end":"2025-05-01",\
        "offset_minutes":60}]} | limit | intervals
        supply_mode_set | {"mode":"force_off"} | policy | special_day
        credit_burn | {} | format | cmd
        """

    @Test(arguments: rows(orders))
    func command_isRefusedWhole(row: [String]) throws {
        let (command, args, code, detail) = (row[0], try JSONReader.read(row[1]), row[2], row[3])
        let scenario: JSONValue = [
            "currency": "GBP",
            "unit": [
                "balance_micro": 1_000_000, "payment_debt_micro": 1_000_000,
                "settings": [
                    "friendly_days": ["days": [:]], "special_days": ["days": [["date": "2026-03-02"]]],
                    "arrears": ["recovery": ["mode": "percent_of_payment", "percent_bp": 1000]],
                ],
            ],
            "events": [
                ["at": "2026-03-02T10:00:00Z", "tick": true],
                ["at": "2026-03-02T10:00:00Z", "cmd": .string(command), "args": args],
            ],
        ]
        let result = try CreditScenario.run(scenario, zone: Zones.named)
        #expect(result["refused"]?.array?.count == 1)
        #expect(result["refused"]?.array?.first?["code"]?.string == code)
        #expect(result["refused"]?.array?.first?["detail"]?.string == detail)
        #expect(result["refused"]?.array?.first?["event"] == 1)
        let steps = result["steps"]?.array ?? []
        #expect(steps.first == steps.last, "nothing changed")
        let credits = result["journal"]?.array?.filter { $0["kind"]?.string?.hasPrefix("credit.topped") == true }
        #expect(credits?.isEmpty == true)
    }

    @Test(
        arguments: [
            ["tariff_id": 1, "vat_bp": 500, "bands": [["name": "all", "rate_micro": 333_333]]],
            [
                "tariff_id": 1, "vat_bp": 500, "blocks": ["reset": "month"],
                "bands": [
                    ["name": "all", "rate_micro": 333_333, "from_quantity_wh": 0],
                    ["name": "all", "rate_micro": 200_001, "from_quantity_wh": 500],
                ],
            ],
        ] as [JSONValue])
    func charge_whenTheAccountCannotHoldIt_leavesNothingInTheTariff(_ tariff: JSONValue) throws {
        var account = CreditAccount(unit: "unit-1", zone: .fixed(0))
        var events: [CreditEvent] = []
        // So near the end of what the ledger holds that a small charge fits and a greater one does not.
        try account.open(
            CreditRegisters(balance: -MoneyRange.ledger.upperBound + 200_000), at: time("2026-01-01"), into: &events)
        let setting = try #require(try UnitSetting.read("tariff", tariff))
        try account.set(setting, at: time("2026-01-01"), into: &events)
        try account.charge(wattHours: 7, tariff: 1, until: time("2026-01-01T01:00:00Z"), into: &events)
        let before = account
        let count = events.count
        #expect(throws: CreditError.overflow) {
            try account.charge(wattHours: 999, tariff: 1, until: time("2026-01-01T02:00:00Z"), into: &events)
        }
        #expect(account.isSame(as: before))
        #expect(events.count == count)
        var other = before
        try account.charge(wattHours: 13, tariff: 1, until: time("2026-01-01T03:00:00Z"), into: &events)
        try other.charge(wattHours: 13, tariff: 1, until: time("2026-01-01T03:00:00Z"), into: &events)
        #expect(account.isSame(as: other))
    }

    @Test func ledger_neverOverflows() throws {
        var account = CreditAccount(
            unit: "u", zone: .fixed(0), limits: AccountLimits(maxBalance: .max, maxCredit: .max))
        var events: [CreditEvent] = []
        try account.open(CreditRegisters(balance: -9_007_199_254_740_990), at: time("2026-01-01"), into: &events)
        try account.set(try flatTariff(1_000_000_000_000), at: time("2026-01-01"), into: &events)
        let count = events.count
        #expect(throws: CreditError.self) {
            try account.charge(
                wattHours: CreditAccount.mostWattHours, tariff: 1, until: time("2026-01-02"), into: &events)
        }
        #expect(throws: CreditError.self) {
            try account.charge(wattHours: 1, tariff: 1, until: time("2026-01-02"), into: &events)
        }
        #expect(events.count == count)
        #expect(account.balance == -9_007_199_254_740_990)
        #expect(throws: CreditError.self) {
            try account.charge(wattHours: -1, tariff: 1, until: time("2026-01-02"), into: &events)
        }
    }

    @Test func settings_surviveTheirOwnText() throws {
        let values: [(String, JSONValue)] = [
            ("emergency_credit", ["limit_micro": 5, "offer_below_micro": 3, "auto_activate": true]),
            ("low_credit", ["enabled": false, "threshold_micro": 7, "audible": true, "repeat_minutes": 60]),
            ("regular_deduction", ["amount_micro": 9, "period": "weekly", "at": "06:30", "weekday": "thu"]),
            ("regular_deduction", ["amount_micro": 9, "period": "monthly", "day": 28, "enabled": false]),
            ("suggestion", ["lookback_days": 7, "cover_days": 14, "round_up_to_micro": 5]),
            (
                "friendly_days",
                ["days": ["sun": [["from": "00:00", "to": "24:00"]]], "requires_credit_at_start": true]
            ),
            ("special_days", ["days": [["date": "--02-29"], ["date": "2026-01-05", "from": "10:00"]]]),
            ("daylight_saving", ["intervals": [["start": "2026-04-01", "end": "2026-05-01", "offset_minutes": -30]]]),
            ("supply_mode", ["mode": "force_on", "reason": "illness", "expires_at": "2026-05-01"]),
            ("omnipower", ["enabled": true, "reconnect": "automatic"]),
            ("currency", ["symbol": "£", "minor_symbol": "p", "symbol_position": "after", "decimals": 2]),
            ("tariff", Self.tariff),
        ]
        for (name, value) in values {
            let setting = try #require(try UnitSetting.read(name, value))
            #expect(setting.name == name)
            #expect(try UnitSetting.read(name, setting.json) == setting, "\(name)")
        }
        #expect(try UnitSetting.read("arrears", [:]) == nil)
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
