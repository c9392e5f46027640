import Intervals
import Metering
import Testing

@testable import Credit

@Suite struct DisplayTests {
    private static let now = time("2026-03-03T09:00:00Z")

    private static func instant(_ text: String) -> SupplyInstant {
        SupplyInstant(wall: time(text), uptime: Uptime(microseconds: time(text).milliseconds * 1000))
    }

    /// A unit with a tariff of two bands, emergency credit, a warning level and British money.
    private static func unit(
        balance: Int64, current: SupplyState = .connected, debts: Bool = false
    ) throws -> PaymentUnit {
        var account = CreditAccount(unit: "unit-1", zone: Zones.london, limits: AccountLimits(currency: "GBP"))
        var events: [CreditEvent] = []
        let start = time("2026-03-02T08:00:00Z")
        let registers = CreditRegisters(
            balance: balance, paymentDebt: debts ? 35_000_000 : 0, timeDebt: debts ? 7_250_001 : 0)
        try account.open(registers, at: start, into: &events)
        let tariff = try TariffSetting([
            "tariff_id": 1, "unit": "kWh", "standing_micro_per_day": 536_800, "vat_bp": 500,
            "bands": [
                ["name": "peak", "rate_micro": 412_000], ["name": "night", "rate_micro": 179_500],
            ],
            "times": [["band": "night", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "00:00", "to": "07:00"]],
        ])
        try account.set(.tariff(tariff), at: start, into: &events)
        try account.set(
            .emergencyCredit(EmergencyCreditSettings(limit: 5_000_000, offerBelow: 1_000_000)), at: start,
            into: &events)
        try account.set(
            .lowCredit(LowCreditSettings(isEnabled: true, threshold: 2_000_000)), at: start, into: &events)
        try account.set(
            .currency(
                try CurrencySymbols(["symbol": "£", "minor_symbol": "p", "symbol_position": "before", "decimals": 2])),
            at: start, into: &events)
        try account.set(
            .suggestion(
                try SuggestionSettings([
                    "lookback_days": 7, "cover_days": 7, "round_up_to_micro": 5_000_000, "min_micro": 5_000_000,
                ])), at: start, into: &events)
        let supply = UnitSupply(policy: SupplyPolicy(), current: current, isTested: true)
        return PaymentUnit(account: account, supply: supply)
    }

    private static func shown(_ unit: PaymentUnit, messages: [String] = [], warned: Bool = false) -> [[String]] {
        UnitPages(of: unit, messages: messages, isWarned: warned, at: now).pages.map { page in
            page.lines().map { String($0.reversed().drop { $0 == " " }.reversed()) }
        }
    }

    @Test func everyPage_isFourLinesOfTwentyCharacters() throws {
        let texts = ["a short one", String(repeating: "Donaudampfschifffahrt ", count: 9), "é£\u{1F50C}"]
        let pages = UnitPages(of: try Self.unit(balance: -123_456_789_012, debts: true), messages: texts, at: Self.now)
        for page in 0..<pages.pages.count * 2 {
            let lines = pages.lines(page: page)
            #expect(lines.count == 4)
            #expect(lines.allSatisfy { $0.count == 20 }, "\(lines)")
            #expect(lines == pages.lines(page: page + pages.pages.count))
        }
        #expect(pages.lines(page: -1) == pages.lines(page: pages.pages.count - 1))
        #expect(pages.terminalLines(width: 40).allSatisfy { $0.count <= 40 })
    }

    @Test func pages_ofAUnitInCredit() throws {
        var unit = try Self.unit(balance: 12_347_999)
        var events: [UnitEvent] = []
        try unit.charge(wattHours: 1500, tariff: 1, at: Self.instant("2026-03-02T12:00:00Z"), into: &events)
        try unit.wake(at: Self.instant("2026-03-03T09:00:00Z"), into: &events)
        #expect(
            Self.shown(unit) == [
                ["Credit", "Balance       £11.13", "Please add     £5.00", "Supply is on"],
                ["Cost", "Today          £0.57", "Yesterday      £0.65", "Last 7 days    £0.65"],
                ["Now peak   41.2p/kWh", "until      Wed 00:00", "Each day      53.68p", "plus VAT          5%"],
                ["Emergency credit", "not needed now", "Left           £5.00", ""],
                ["Supply", "Supply: on", "disconnection is not", "enabled"],
                ["Messages", "none", "", ""],
            ])
    }

    @Test func pages_inEmergencyCreditAndDebt() throws {
        var unit = try Self.unit(balance: 500_000, debts: true)
        var events: [UnitEvent] = []
        try unit.charge(wattHours: 100, tariff: 1, at: Self.instant("2026-03-02T09:00:00Z"), into: &events)
        #expect(Self.shown(unit)[0][1...] == ["Emergency: press", "Please add     £5.00", "LOW CREDIT: top up"])
        try unit.press(.emergencyCredit, at: Self.instant("2026-03-02T09:10:00Z"), into: &events)
        try unit.charge(wattHours: 2000, tariff: 1, at: Self.instant("2026-03-02T10:00:00Z"), into: &events)
        let pages = Self.shown(unit, messages: ["Your meter is read on Friday"], warned: true)
        #expect(
            pages[0] == ["Balance        £0.00", "Emergency      £4.59", "Please add    £10.00", "OFF SOON: top up"])
        #expect(pages[3] == ["Emergency credit", "in use", "Left           £4.59", "To repay       £0.41"])
        #expect(pages[5] == ["Still to pay", "From top-ups  £35.00", "By time        £7.26", ""])
        #expect(pages[6] == ["Message", "Your meter is read", "on Friday", ""])
    }

    @Test(arguments: [(SupplyState.disconnected, "SUPPLY IS OFF"), (.armed, "Press to switch on")])
    func balancePage_saysThatSupplyIsOff(state: SupplyState, text: String) throws {
        let pages = Self.shown(try Self.unit(balance: 0, current: state))
        #expect(pages[0].last == text)
    }

    @Test func money_isRoundedAgainstShowingTooMuch() throws {
        func symbols(_ position: String, _ decimals: Int64) throws -> CurrencySymbols {
            try CurrencySymbols(["symbol": "kr", "symbol_position": .string(position), "decimals": .integer(decimals)])
        }
        let plain = MoneyText(nil, currency: "AUD")
        #expect(plain.down(1_239_999) == "1.23 AUD" && plain.up(1_230_001) == "1.24 AUD")
        #expect(plain.down(-1) == "-0.01 AUD" && plain.up(-1) == "0.00 AUD")
        #expect(MoneyText(nil, currency: nil).down(50_000) == "0.05")
        let (whole, mils, tenths) = (try symbols("before", 0), try symbols("after", 3), try symbols("after", 1))
        #expect(MoneyText(whole, currency: nil).down(-2_500_000) == "-kr3")
        #expect(MoneyText(mils, currency: nil).down(1_234_999) == "1.234kr")
        #expect(MoneyText(tenths, currency: nil).down(1_999_999) == "1.9kr")
        #expect(plain.down(.min) == "-9223372036854.78 AUD" && plain.up(.max) == "9223372036854.78 AUD")
        #expect(plain.price(412_000) == "0.412 AUD" && plain.price(500_000) == "0.50 AUD")
        let cents = MoneyText(try CurrencySymbols(["symbol": "$", "minor_symbol": "c"]), currency: nil)
        #expect(cents.price(295_050) == "29.505c")
    }

    @Test func price_withBlocks_isThatOfTheNextWattHour() throws {
        var account = CreditAccount(unit: "unit-1", zone: Zones.london)
        var events: [CreditEvent] = []
        let start = time("2026-03-02T08:00:00Z")
        try account.open(CreditRegisters(balance: 10_000_000), at: start, into: &events)
        let tariff = try TariffSetting([
            "tariff_id": 1, "unit": "kWh", "blocks": ["reset": "day"],
            "bands": [
                ["name": "all", "rate_micro": 215_000, "from_quantity_wh": 0],
                ["name": "all", "rate_micro": 317_500, "from_quantity_wh": 8000],
            ],
        ])
        try account.set(.tariff(tariff), at: start, into: &events)
        #expect(account.price(of: 1, at: start)?.rate == 215_000)
        #expect(account.price(of: 1, at: start)?.until == nil)
        try account.charge(wattHours: 8000, tariff: 1, until: time("2026-03-02T10:00:00Z"), into: &events)
        #expect(account.price(of: 1, at: time("2026-03-02T10:00:00Z"))?.rate == 317_500)
        #expect(account.price(of: 1, at: time("2026-03-03T00:00:00Z"))?.rate == 215_000)
        #expect(account.price(of: 2, at: start) == nil)
    }
}
