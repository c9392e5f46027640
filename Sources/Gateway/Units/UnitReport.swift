import Credit
import Metering

/// What a unit's credit report is made of: sums of half hours, kept for a bounded time.
struct UnitReport: Sendable {
    /// Milliseconds.
    static let step: Int64 = 1_800_000
    /// Half hours that are kept: 62 days. What is older only counts in the opening balance.
    private static let most = 62 * 48

    /// The lines of `CreditReport` that add up from the opening to the closing balance, micro-units.
    struct Line: Hashable, Sendable {
        /// In steps since 1970.
        var slot: Int64
        var parts: [Int64]
    }

    private static let names = [
        "additions_micro", "adjustments_micro", "consumption_micro", "export_micro", "standing_micro", "vat_micro",
        "deductions_micro", "arrears_micro", "emergency_used_micro", "accumulated_micro",
    ]

    /// In order of slot.
    private var lines: [Line] = []
    /// The balance before the first line.
    private var before: Int64 = 0
    private var balance: Int64 = 0
    private var balances: [Int64] = []

    /// Since when single lines are known; nil before the first.
    var knownFrom: WallTime? { lines.first.map { WallTime(milliseconds: $0.slot * Self.step) } }

    mutating func add(_ event: CreditEvent) {
        let one = CreditReport([event], from: event.at, to: event.at + 1)
        balance &+= event.change.registers.balance
        let parts = [
            one.additions, one.adjustments, one.consumption, one.export, one.standing, one.vat, one.deductions,
            one.arrears, one.emergencyUsed, one.accumulated,
        ]
        guard parts.contains(where: { $0 != 0 }) || event.change.registers.balance != 0 else { return }
        let slot = event.at.milliseconds.flooredQuotient(by: Self.step)
        // What is learnt late is counted where its own time is, as far as that is still kept.
        let place = lines.lastIndex { $0.slot <= slot }
        if let place, lines[place].slot == slot {
            for index in parts.indices { lines[place].parts[index] &+= parts[index] }
        } else {
            lines.insert(Line(slot: slot, parts: parts), at: place.map { $0 + 1 } ?? 0)
            balances.insert(place.map { balances[$0] } ?? before, at: place.map { $0 + 1 } ?? 0)
        }
        let from = place.map { lines[$0].slot == slot ? $0 : $0 + 1 } ?? 0
        for index in from..<balances.count { balances[index] &+= event.change.registers.balance }
        if lines.count > Self.most {
            lines.removeFirst()
            before = balances.removeFirst()
        }
    }

    private static func rounded(_ time: WallTime) -> WallTime {
        WallTime(milliseconds: time.milliseconds.flooredQuotient(by: step) * step)
    }

    /// `[from, to)`, both rounded down to half hours, as the answer says: reports that follow each other add up.
    func json(from: WallTime?, to: WallTime?, now: WallTime) -> JSONValue {
        let first = from.map { $0.milliseconds.flooredQuotient(by: Self.step) } ?? lines.first?.slot ?? 0
        let end = to.map { $0.milliseconds.flooredQuotient(by: Self.step) } ?? .max
        var sums = [Int64](repeating: 0, count: Self.names.count)
        var opening = before
        var closing = before
        for (index, line) in lines.enumerated() {
            if line.slot < first { opening = balances[index] }
            if line.slot < end { closing = balances[index] }
            guard line.slot >= first, line.slot < end else { continue }
            for part in sums.indices { sums[part] &+= line.parts[part] }
        }
        var object: JSONObject = [
            "from": .string((from.map(Self.rounded) ?? knownFrom ?? now).text),
            "to": .string((to.map(Self.rounded) ?? now).text),
            "opening_micro": .integer(opening),
        ]
        for (name, sum) in zip(Self.names, sums) { object[name] = .integer(sum) }
        object["closing_micro"] = .integer(closing)
        return .object(object)
    }
}

/// A report is kept as numbers: of each line its slot, the balance after it, which of its parts are not 0, and those.
extension UnitReport: Codable {
    private enum CodingKeys: CodingKey { case before, balance, lines }

    func encode(to encoder: any Encoder) throws {
        var numbers: [Int64] = []
        for (index, line) in lines.enumerated() {
            let used = line.parts.indices.filter { line.parts[$0] != 0 }
            numbers += [line.slot, balances[index], used.reduce(0) { $0 | 1 << Int64($1) }]
            numbers += used.map { line.parts[$0] }
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(before, forKey: .before)
        try container.encode(balance, forKey: .balance)
        try container.encode(PackedNumbers(numbers), forKey: .lines)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        before = try container.decode(Int64.self, forKey: .before)
        balance = try container.decode(Int64.self, forKey: .balance)
        var rest = try container.decode(PackedNumbers.self, forKey: .lines).numbers[...]
        while let slot = rest.popFirst() {
            guard let balance = rest.popFirst(), let used = rest.popFirst() else { throw Damage() }
            var parts = [Int64](repeating: 0, count: Self.names.count)
            for index in parts.indices where used & 1 << Int64(index) != 0 {
                guard let part = rest.popFirst() else { throw Damage() }
                parts[index] = part
            }
            lines.append(Line(slot: slot, parts: parts))
            balances.append(balance)
        }
    }

    private struct Damage: Error {}
}
