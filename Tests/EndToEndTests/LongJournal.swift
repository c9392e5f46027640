import Credit
import Foundation
import Intervals
import Journal
import Metering

/// A journal as a box writes it in many days: units, their meters, and at each end of five minutes an interval and a
/// charge of each meter; a payment a week.
struct LongJournal {
    var units = 1
    var metersPerUnit = 1
    var days = 10
    var end = WallTime(seconds: Int64(Date().timeIntervalSince1970) / 300 * 300 - 600)

    static func serial(_ unit: Int, _ meter: Int) -> String { "M\(unit)-\(meter)" }
    static func id(_ unit: Int) -> String { "unit-\(unit)" }

    /// The configuration that goes with it: the meters are there and do not answer.
    var configuration: String {
        var text = """
            [box]
            id = "\(BoxUnderTest.id)"
            zone = "Etc/UTC"
            currency = "AUD"
            interval_minutes = 5
            clock = "host"

            """
        text += "[[port]]\nname = \"a\"\ntcp = \"127.0.0.1:1\"\nframing = \"tcp\"\nprotocol = \"modbus\"\n"
        for unit in 1...units {
            for meter in 1...metersPerUnit {
                text += """
                    [[meter]]
                    serial = "\(Self.serial(unit, meter))"
                    model = "eastron-sdm630"
                    port = "a"
                    address = \((unit - 1) * metersPerUnit + meter)
                    poll_seconds = 60

                    """
            }
            let meters = (1...metersPerUnit).map { "\"\(Self.serial(unit, $0))\"" }.joined(separator: ", ")
            text += "[[unit]]\nid = \"\(Self.id(unit))\"\nmeters = [\(meters)]\n"
        }
        return text
    }

    /// One unit on its way.
    private struct Home {
        var account: CreditAccount
        var registers: [Int64]
        var paid = 0
    }

    /// Writes it; the accounts' balances, by unit.
    func write(to folder: String) throws -> [Int64] {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let journal = try JournalStore(path: folder + "/journal.db", boxID: BoxUnderTest.id)
        var drafts: [JournalDraft] = []
        var head: Int64 = 0
        func append(_ kind: JournalKind, _ data: JSONObject, at time: WallTime, key: String? = nil) throws {
            head += 1
            let name = key ?? "\(kind.rawValue)/\(head)"
            drafts.append(JournalDraft(seq: head, at: time, kind: kind, key: name, data: data))
            guard drafts.count >= 2000 else { return }
            try journal.append(drafts)
            drafts = []
        }
        let slots = days * 288
        let start = end + -Int64(slots) * 300_000
        try append(.boxCreated, ["box": .string(BoxUnderTest.id)], at: start)
        var homes: [Home] = []
        for unit in 1...units {
            let account = CreditAccount(
                unit: Self.id(unit), zone: .fixed(0), limits: AccountLimits(currency: "AUD"))
            homes.append(Home(account: account, registers: Array(repeating: 1_000_000, count: metersPerUnit)))
            try begin(&homes[unit - 1], unit, at: start) { try append($0, $1, at: $2, key: $3) }
        }
        for slot in 1...slots {
            let time = start + Int64(slot) * 300_000
            for unit in 1...units {
                try pass(&homes[unit - 1], unit, slot, at: time) { try append($0, $1, at: $2, key: $3) }
            }
        }
        try journal.append(drafts)
        journal.close()
        return homes.map(\.account.balance)
    }

    private typealias Append = (JournalKind, JSONObject, WallTime, String?) throws -> Void

    private func note(
        _ home: Home, _ unit: Int, _ events: [CreditEvent], more: JSONObject = JSONObject(), at time: WallTime,
        _ append: Append
    ) throws {
        for event in events {
            var data = event.data(unit: Self.id(unit), balance: home.account.balance)
            if event.kind == .creditCharged, data["charge"] == "energy" {
                for (name, value) in more.members { data[name] = value }
            }
            let key = event.businessID.map { "\(event.kind.rawValue)/\(Self.id(unit))/\($0)" }
            try append(event.kind, data, time, key)
        }
    }

    private func begin(_ home: inout Home, _ unit: Int, at time: WallTime, _ append: Append) throws {
        var events: [CreditEvent] = []
        try home.account.open(CreditRegisters(), at: time, into: &events)
        let tariff: JSONValue = [
            "tariff_id": 1, "unit": "kWh", "standing_micro_per_day": 536_800, "vat_bp": 500,
            "bands": [["name": "day", "rate_micro": 287_654], ["name": "peak", "rate_micro": 412_345]],
            "times": [["band": "peak", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "15:00", "to": "21:00"]],
        ]
        if let setting = try UnitSetting.read("tariff", tariff) {
            try home.account.set(setting, at: time, into: &events)
        }
        try note(home, unit, events, at: time, append)
        let meters = (1...metersPerUnit).map { JSONValue.string(Self.serial(unit, $0)) }
        try append(
            .unitSetting,
            [
                "unit": .string(Self.id(unit)), "setting": "wiring",
                "value": ["meters": .array(meters), "switch": ""],
            ], time, nil)
    }

    private func pass(_ home: inout Home, _ unit: Int, _ slot: Int, at time: WallTime, _ append: Append) throws {
        for meter in 1...metersPerUnit {
            let serial = Self.serial(unit, meter)
            let used = Int64((slot * 31 + meter * 7 + unit * 13) % 90)
            let from = home.registers[meter - 1]
            home.registers[meter - 1] += used
            guard let name = MeterSerial(serial) else { continue }
            let values = [Channel.importWh, .exportWh].map { channel in
                IntervalValue(
                    channel: channel, value: channel == .importWh ? used : 0, quality: .actual, method: "boundary",
                    reason: "", source: .register, registerAtEnd: channel == .importWh ? from + used : 500)
            }
            let interval = Interval(meter: name, epoch: 1, end: time, minutes: 5, revision: 0, values: values)
            try append(.interval, interval.record, time, interval.key)
            var events: [CreditEvent] = []
            try home.account.catchUp(to: time, into: &events)
            try home.account.charge(wattHours: used, tariff: 1, until: time, into: &events)
            let position: JSONObject = [
                "meter": .string(serial), "epoch": 1, "channel": "import_wh", "from_register": .integer(from),
                "register": .integer(from + used),
            ]
            try note(home, unit, events, more: position, at: time, append)
        }
        guard slot % 2016 == 1 else { return }
        home.paid += 1
        var events: [CreditEvent] = []
        let payment = PaymentAdd(paymentID: "pay-\(unit)-\(home.paid)", amount: 60_000_000)
        _ = try home.account.pay(payment, at: time, into: &events)
        try note(home, unit, events, at: time, append)
    }
}
