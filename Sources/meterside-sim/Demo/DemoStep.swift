import Credit
import Metering

/// What the story of prepaid supply does next, and for what it waits.
enum DemoStep: Hashable {
    case find
    /// One of `settings`.
    case set(Int)
    case pay, test, enable, low, held, night, cut, topUp, press, over

    static let dayRate: Int64 = 251_000
    static let peakRate: Int64 = 412_000

    /// What the cloud sets before the first payment and, the last one, after it.
    static let settings: [(name: String, args: JSONObject)] = [
        ("tariff_set", tariff), ("friendly_days_set", ["days": friendly]), ("special_days_set", ["days": []]),
        ("operational_mode_set", ["mode": "prepayment"]), ("low_credit_set", ["threshold_micro": 100_000]),
    ]

    private static var tariff: JSONObject {
        let days: JSONValue = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        return [
            "tariff_id": 1, "standing_micro_per_day": 950_000,
            "bands": [
                ["name": "day", "rate_micro": .integer(dayRate)], ["name": "peak", "rate_micro": .integer(peakRate)],
            ],
            "times": [["band": "peak", "days": days, "from": "15:00", "to": "21:00"]],
        ]
    }

    /// Nothing is cut from three in the afternoon to eight in the morning.
    private static var friendly: JSONValue {
        var days = JSONObject()
        for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
            days[day] = [["from": "15:00", "to": "08:00"]]
        }
        return .object(days)
    }

    var next: DemoStep {
        switch self {
        case .find: .set(0)
        case .set(3): .pay
        case .set(4): .test
        case .set(let index): .set(index + 1)
        case .pay: .set(4)
        case .test: .enable
        case .enable: .low
        case .low: .held
        case .held: .night
        case .night: .cut
        case .cut: .topUp
        case .topUp: .press
        case .press, .over: .over
        }
    }

    /// The chapter that ends with it.
    var chapter: DemoCredit.Chapter? {
        switch self {
        case .pay: .paid
        case .enable: .commissioned
        case .low: .low
        case .held: .held
        case .night: .warned
        case .cut: .cut
        case .topUp: .armed
        case .press: .connected
        case .find, .set, .test, .over: nil
        }
    }

    /// For commands' ids.
    var name: String {
        switch self {
        case .set(let index): Self.settings[index].name
        case .pay: "pay-1"
        case .topUp: "pay-2"
        default: "\(self)"
        }
    }

    /// For people: what is being done.
    var words: String {
        switch self {
        case .find: "meter, switch and broker are looked for"
        case .set(let index): "signed command \(Self.settings[index].name)"
        case .pay: "signed command payment_add"
        case .test: "meterside supply test \(DemoCredit.unit)"
        case .enable: "signed command omnipower_set"
        case .low, .held: "the home uses what was paid"
        case .night: "nothing is cut until 08:00"
        case .cut: "08:00 comes, and a random wait of each box"
        case .topUp: "signed command payment_add"
        case .press: "the customer presses the button"
        case .over: "the story is over"
        }
    }

    /// How long its end is looked at by somebody who watches, real microseconds.
    var rest: Int64 {
        switch self {
        case .find, .set, .test, .pay, .over: 0
        case .enable, .low: 2_000_000
        case .night: 4_000_000
        case .held, .cut, .topUp, .press: 5_000_000
        }
    }

    /// After so long it will not happen any more, real microseconds.
    var patience: Int64 {
        switch self {
        case .night: 600_000_000
        case .low, .held, .cut, .test: 180_000_000
        default: 60_000_000
        }
    }
}

/// What the box has said of the unit.
struct CreditSeen {
    var observed: String?
    var watts: String?
    var balance: Int64 = 0
    var isLow = false
    var payments: Set<String> = []
    var results: [String: JSONValue] = [:]
    var decided: (state: String, reason: String, words: String)?

    mutating func take(_ entry: CloudStore.JournalEntryText) {
        let data = entry.data
        balance = data["balance_micro"]?.integer ?? balance
        switch entry.kind {
        case "supply.confirmed": observed = data["observed"]?.string ?? observed
        case "supply.decided":
            let reason = data["reason"]?.string ?? ""
            decided = (data["decided"]?.string ?? "", reason, SupplyReason(rawValue: reason)?.words ?? reason)
        case "credit.low": isLow = data["credit"] == "low"
        case "credit.topped_up":
            if let id = data["payment_id"]?.string { payments.insert(id) }
        default: break
        }
    }

    /// `contact closed, 812 W`
    var contact: String {
        let place = observed.map { $0 == "connected" ? "contact closed" : "contact open" } ?? "contact not seen yet"
        return place + (watts.map { ", \($0) W" } ?? "")
    }

    /// For a story that does not get on.
    var words: String {
        "balance \(balance), decided \(decided?.state ?? "-") (\(decided?.reason ?? "-")), observed \(observed ?? "-")"
    }
}
