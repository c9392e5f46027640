import Intervals
import Metering

/// What the customer sees of a unit, page by page, on a display of characters or on a terminal.
public struct UnitPages: Sendable {
    /// In the order in which the button leads through them.
    public let pages: [UnitPage]

    /// - Parameters:
    ///   - messages: texts sent to the unit, newest first, each a page of its own.
    ///   - isWarned: supply will be cut when the protected time ends.
    public init(of unit: PaymentUnit, messages: [String] = [], isWarned: Bool = false, at time: WallTime) {
        let writer = PageWriter(unit: unit, isWarned: isWarned, time: time)
        var pages = [writer.balance, writer.usage]
        pages += unit.account.tariffNumbers.map(writer.tariff)
        pages += [writer.emergencyCredit, writer.supply]
        if let debts = writer.debts { pages.append(debts) }
        pages += messages.isEmpty ? [UnitPage("Messages", [.init("none")])] : messages.map(writer.message)
        self.pages = pages
    }

    /// The four lines of 20 characters that the display shows; `page` counts on, round and round.
    public func lines(page: Int) -> [String] {
        pages[Int(Int64(page).flooredRemainder(by: Int64(pages.count)))].lines()
    }

    /// All pages one below the other, none wider than `width`.
    public func terminalLines(width: Int = 40) -> [String] {
        Array(pages.map { $0.terminalLines(width: width) }.joined(separator: [""]))
    }
}

/// Fills the pages.
private struct PageWriter {
    let unit: PaymentUnit
    let isWarned: Bool
    let time: WallTime
    let money: MoneyText

    private var account: CreditAccount { unit.account }

    init(unit: PaymentUnit, isWarned: Bool, time: WallTime) {
        self.unit = unit
        self.isWarned = isWarned
        self.time = time
        money = MoneyText(unit.account.settings.currency, currency: unit.account.limits.currency)
    }

    var balance: UnitPage {
        var rows = [UnitPage.Row("Balance", money.down(account.balance))]
        if account.isEmergencySelected {
            rows.append(.init("Emergency", money.down(account.emergencyLeft)))
        } else if account.isEmergencyOffered {
            rows.append(.init("Emergency: press"))
        }
        if let suggested = account.suggestedTopUp(at: time), suggested > 0 {
            rows.append(.init("Please add", money.up(suggested)))
        }
        rows.append(.init(standing))
        return UnitPage("Credit", rows)
    }

    /// The one line that says how things stand.
    private var standing: String {
        switch unit.supply.current {
        case .disconnected: return "SUPPLY IS OFF"
        case .armed: return "Press to switch on"
        case .connected: break
        }
        if isWarned { return "OFF SOON: top up" }
        if account.mode == .prepayment, !account.isUsable { return "NO CREDIT: top up" }
        return account.isLow ? "LOW CREDIT: top up" : "Supply is on"
    }

    var usage: UnitPage {
        let today = account.clock.day(of: time)
        func cost(_ days: ClosedRange<Int64>) -> String { money.up(account.cost(on: days)) }
        return UnitPage(
            "Cost",
            [
                .init("Today", cost(today...today)), .init("Yesterday", cost(today - 1...today - 1)),
                .init("Last 7 days", cost(today - 7...today - 1)),
            ])
    }

    func tariff(_ number: Int64) -> UnitPage {
        let title = account.tariffNumbers.count == 1 ? "Tariff" : "Tariff \(number)"
        guard let price = account.price(of: number, at: time) else {
            return UnitPage(title, [.init("not in force yet")])
        }
        var rows = [UnitPage.Row("Now \(price.band)", money.price(price.rate) + "/" + price.unit.rawValue)]
        if let end = price.until { rows.append(.init("until", clockText(end))) }
        if price.standing > 0 { rows.append(.init("Each day", money.price(price.standing))) }
        if price.vat > 0 { rows.append(.init("plus VAT", percent(price.vat))) }
        return UnitPage(title, rows)
    }

    var emergencyCredit: UnitPage {
        let words =
            switch account.emergencyState {
            case .off: account.settings.emergencyCredit.limit > 0 ? "not needed now" : "not available"
            case .offered: "press to use it"
            case .selected: "ready to be used"
            case .inUse: "in use"
            case .exhausted: "used up"
            }
        var rows = [UnitPage.Row(words)]
        if account.settings.emergencyCredit.limit > 0 || account.emergencyLeft > 0 {
            rows.append(.init("Left", money.down(account.emergencyLeft)))
        }
        if account.registers.emergencyUsed > 0 {
            rows.append(.init("To repay", money.up(account.registers.emergencyUsed)))
        }
        return UnitPage("Emergency credit", rows)
    }

    var supply: UnitPage {
        let state =
            switch unit.supply.current {
            case .connected: "on"
            case .armed: "press to switch on"
            case .disconnected: "off"
            }
        var rows = [UnitPage.Row("Supply: \(state)")]
        if let decision = unit.supply.decision { rows.append(.init(decision.reason.words)) }
        if let until = unit.supply.protectedUntil { rows.append(.init("kept until", clockText(until))) }
        return UnitPage("Supply", rows)
    }

    /// Nil when nothing is owed.
    var debts: UnitPage? {
        let registers = account.registers
        var rows: [UnitPage.Row] = []
        if registers.paymentDebt > 0 { rows.append(.init("From top-ups", money.up(registers.paymentDebt))) }
        if registers.timeDebt > 0 { rows.append(.init("By time", money.up(registers.timeDebt))) }
        if registers.accumulated > 0 { rows.append(.init("Put off", money.up(registers.accumulated))) }
        return rows.isEmpty ? nil : UnitPage("Still to pay", rows)
    }

    func message(_ text: String) -> UnitPage { UnitPage("Message", [.init(text)]) }

    /// `Fri 08:00`, local.
    private func clockText(_ instant: WallTime) -> String {
        let seconds = account.clock.local(instant.seconds)
        let civil = CivilTime(seconds: seconds)
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let weekday = days[Int((seconds.flooredQuotient(by: 86_400) + 3).flooredRemainder(by: 7))]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(weekday) \(two(civil.hour)):\(two(civil.minute))"
    }

    private func percent(_ basisPoints: Int64) -> String {
        let rest = basisPoints % 100
        return rest == 0 ? "\(basisPoints / 100)%" : "\(basisPoints / 100).\(rest < 10 ? "0" : "")\(rest)%"
    }
}
