/// Walks one table of a settings file, checks what it takes and remembers every fault, so that a person sees all of
/// them at once. Readers of sub tables share the faults of their root; `finish()` on the root also refuses the keys
/// that nobody asked for.
///
///     let root = SettingsReader(node, file: "meterside.toml")
///     let box = root.requireTable("box")
///     let id = box?.require("id", .name)
///     for meter in root.tables("meter") {
///         let seconds = meter.take("poll_seconds", .integer(1...3600)) ?? 30
///     }
///     let faults = root.finish()
public final class SettingsReader {
    /// The file's name as faults print it.
    public let file: String
    /// Path of this table, `meter[2]`, counted from 1; empty for the root.
    public let path: String
    /// Line the table begins at.
    public let line: Int
    /// The table's members in file order.
    public let members: [SettingsMember]

    private let found: Found
    private var known: [String] = []
    private var children: [SettingsReader] = []

    /// The faults of a whole tree of readers.
    private final class Found { var faults: [SettingsFault] = [] }

    /// A reader of a file's root table.
    public convenience init(_ node: SettingsNode, file: String) {
        self.init(node, file: file, path: "", found: Found())
    }

    private init(_ node: SettingsNode, file: String, path: String, found: Found) {
        self.file = file
        self.path = path
        self.line = node.line
        self.found = found
        if case .table(let members) = node.value {
            self.members = members
        } else {
            members = []
            found.faults.append(
                SettingsFault(file: file, line: node.line, key: path, message: "must be a table of keys and values"))
        }
    }

    // MARK: - Values

    /// The value of a key that must be there; nil when it is missing or wrong, and the fault is remembered.
    public func require<Value>(_ key: String, _ rule: SettingsRule<Value>) -> Value? {
        guard node(key) != nil else {
            fault(key, "is missing; write \(rule.allowed)")
            return nil
        }
        return take(key, rule)
    }

    /// The value of a key that may be absent; nil when it is absent or wrong; the fault of a wrong one is kept.
    public func take<Value>(_ key: String, _ rule: SettingsRule<Value>) -> Value? {
        guard let node = node(key) else { return nil }
        if let value = rule.read(node) { return value }
        fault(key, "\(node.shown) is not allowed; write \(rule.allowed)")
        return nil
    }

    /// Whether the key stands in the file, right or wrong. Asking makes it a known key.
    public func has(_ key: String) -> Bool { node(key) != nil }

    /// A reader of a sub table; nil when it is absent or no table.
    public func table(_ key: String) -> SettingsReader? {
        guard let node = node(key) else { return nil }
        guard case .table = node.value else {
            fault(key, "\(node.shown) is not allowed; write a table: [\(pathOf(key))]")
            return nil
        }
        return child(node, path: pathOf(key))
    }

    /// A reader of a sub table that must be there.
    public func requireTable(_ key: String) -> SettingsReader? {
        if node(key) == nil { fault(key, "is missing; write a table: [\(pathOf(key))]") }
        return table(key)
    }

    /// Readers of an array of tables (`[[key]]`), in file order; empty when it is absent.
    public func tables(_ key: String) -> [SettingsReader] {
        guard let node = node(key) else { return [] }
        guard case .array(let items) = node.value else {
            fault(key, "\(node.shown) is not allowed; write it with two brackets: [[\(pathOf(key))]]")
            return []
        }
        return items.enumerated().map { child($1, path: "\(pathOf(key))[\($0 + 1)]") }
    }

    // MARK: - Faults

    /// Remembers a fault of a key that the caller found (a name used twice, keys that exclude each other …).
    public func fault(_ key: String, _ message: String) {
        let place = members.first { $0.key == key }?.node.line ?? line
        found.faults.append(SettingsFault(file: file, line: place, key: pathOf(key), message: message))
    }

    /// Remembers a fault of the whole table.
    public func fault(_ message: String) {
        found.faults.append(SettingsFault(file: file, line: line, key: path, message: message))
    }

    /// Remembers a fault of another file that belongs to this one.
    public func add(_ fault: SettingsFault) { found.faults.append(fault) }

    /// Whether anything in the whole tree was refused so far.
    public var isFaultless: Bool { found.faults.isEmpty }

    /// Refuses the keys of this table and of all readers made from it that nobody asked for, and returns every fault
    /// of the tree by line. To be called once, on the root.
    public func finish() -> [SettingsFault] {
        refuseUnknown()
        return found.faults.enumerated()
            .sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
            .map(\.element)
    }

    private func refuseUnknown() {
        for member in members where !known.contains(member.key) {
            let near = Spelling.nearest(to: member.key, in: known)
            let advice =
                if let near { "did you mean \(near)?" } else {
                    known.isEmpty ? "nothing is allowed here" : "allowed are \(known.joined(separator: ", "))"
                }
            fault(member.key, "is not known here; \(advice)")
        }
        for child in children { child.refuseUnknown() }
    }

    private func node(_ key: String) -> SettingsNode? {
        if !known.contains(key) { known.append(key) }
        return members.first { $0.key == key }?.node
    }

    private func child(_ node: SettingsNode, path: String) -> SettingsReader {
        let reader = SettingsReader(node, file: file, path: path, found: found)
        children.append(reader)
        return reader
    }

    private func pathOf(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// What a key may hold: how to read it, and what is allowed in words.
public struct SettingsRule<Value> {
    /// Completes "write …": `a whole number from 1 to 3600`.
    public let allowed: String
    /// The value, nil when the node holds something else.
    public let read: (SettingsNode) -> Value?

    public init(_ allowed: String, read: @escaping (SettingsNode) -> Value?) {
        self.allowed = allowed
        self.read = read
    }
}

extension SettingsRule where Value == String {
    /// A text in quotes, not empty, at most `longest` bytes.
    public static func text(longest: Int = 1024) -> Self {
        Self("a text of 1 to \(longest) characters in quotes") { node in
            guard case .string(let text) = node.value, (1...longest).contains(text.utf8.count) else { return nil }
            return text
        }
    }

    /// One of a few words.
    public static func oneOf(_ words: [String]) -> Self {
        Self("one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")) { node in
            guard case .string(let text) = node.value, words.contains(text) else { return nil }
            return text
        }
    }

    /// A name: an id that is also one MQTT topic level and one file name.
    public static var name: Self {
        Self("a name of 1 to 64 letters, digits and _ . - in quotes") { node in
            guard case .string(let text) = node.value, Identifier.isValidName(text) else { return nil }
            return text
        }
    }
}

extension SettingsRule where Value == Int {
    /// A whole number in a range.
    public static func integer(_ range: ClosedRange<Int>) -> Self {
        Self("a whole number from \(range.lowerBound) to \(range.upperBound)") { node in
            guard case .integer(let number) = node.value, let value = Int(exactly: number), range.contains(value)
            else { return nil }
            return value
        }
    }
}

extension SettingsRule where Value == Int64 {
    /// A whole number in a range.
    public static func integer(_ range: ClosedRange<Int64>) -> Self {
        Self("a whole number from \(range.lowerBound) to \(range.upperBound)") { node in
            guard case .integer(let number) = node.value, range.contains(number) else { return nil }
            return number
        }
    }
}

extension SettingsRule where Value == Bool {
    /// `true` or `false`.
    public static var flag: Self {
        Self("true or false") { if case .bool(let flag) = $0.value { flag } else { nil } }
    }
}

extension SettingsRule where Value == DecimalValue {
    /// A number with or without a fraction, taken exactly as written; never `nan` or `inf`.
    public static func decimal(notZero: Bool = false) -> Self {
        Self(notZero ? "a number other than 0" : "a number") { node in
            let value: DecimalValue? =
                switch node.value {
                case .integer(let number): DecimalValue(mantissa: number)
                case .decimal(let text): DecimalValue(text: text)
                default: nil
                }
            return notZero && value?.mantissa == 0 ? nil : value
        }
    }
}

extension SettingsRule where Value == WallTime {
    /// An instant, in quotes or as TOML writes it.
    public static var time: Self {
        Self("a time such as 2026-03-02T07:30:00Z") { node in
            switch node.value {
            case .string(let text), .time(let text): WallTime(text: text)
            default: nil
            }
        }
    }
}

extension SettingsRule where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// A value of an enumeration, written as its raw text.
    public static var word: Self {
        let words = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        return Self("one of \(words)") { node in
            guard case .string(let text) = node.value else { return nil }
            return Value(rawValue: text)
        }
    }
}

extension SettingsRule {
    /// A list whose every item follows `rule`.
    public static func list<Item>(of rule: SettingsRule<Item>) -> SettingsRule<[Item]> where Value == [Item] {
        SettingsRule<[Item]>("a list in [ ], each item \(rule.allowed)") { node in
            guard case .array(let nodes) = node.value else { return nil }
            var items: [Item] = []
            for node in nodes {
                guard let item = rule.read(node) else { return nil }
                items.append(item)
            }
            return items
        }
    }

    /// This rule's value made into something else; nil from `transform` refuses it with `allowed`.
    public func map<Other>(_ allowed: String? = nil, _ transform: @escaping (Value) -> Other?) -> SettingsRule<Other> {
        SettingsRule<Other>(allowed ?? self.allowed) { node in read(node).flatMap(transform) }
    }
}

extension SettingsNode {
    /// The value as a fault prints it; a long one only by its kind.
    var shown: String {
        switch value {
        case .string(let text): text.utf8.count <= 40 ? "\"\(text)\"" : "this text"
        case .integer(let number): String(number)
        case .decimal(let text), .time(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .array: "a list"
        case .table: "a table"
        }
    }
}

/// Finds what a person meant to write.
enum Spelling {
    /// The known word with the fewest changed, missing, added or exchanged characters; nil when none is near.
    static func nearest(to word: String, in known: [String]) -> String? {
        var best: (word: String, distance: Int)?
        for candidate in known {
            let distance = distance(Array(word.utf8), Array(candidate.utf8))
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(1, min(3, word.utf8.count / 3)) else { return nil }
        return best.word
    }

    /// Edit distance with exchange of neighbours (optimal string alignment).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        // A key long enough to make this slow is no misspelling.
        guard left.count <= 64, right.count <= 64 else { return .max }
        var rows = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
        for i in 0...left.count { rows[i][0] = i }
        for j in 0...right.count { rows[0][j] = j }
        for i in 0..<left.count {
            for j in 0..<right.count {
                var cost = min(rows[i][j + 1] + 1, rows[i + 1][j] + 1, rows[i][j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, rows[i - 1][j - 1] + 1)
                }
                rows[i + 1][j + 1] = cost
            }
        }
        return rows[left.count][right.count]
    }
}
