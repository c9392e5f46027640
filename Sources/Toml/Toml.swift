import Metering
import TOMLKit

/// Reads TOML text into the tree that the settings checks walk.
///
/// TOMLKit decides what is valid and what each value is; `TomlIndex` adds what it does not keep: the line of every
/// key, the order of the file, and a fraction as it was written.
public enum Toml {
    /// The root table of `text`. Throws the first fault with its line; `file` is the name that faults print.
    public static func read(_ text: String, file: String) throws(SettingsFault) -> SettingsNode {
        // TOMLKit takes a C string: it would silently stop at a zero byte.
        if let zero = text.utf8.firstIndex(of: 0) {
            let line = text.utf8[..<zero].reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
            throw SettingsFault(file: file, line: line, key: "", message: "the file has a zero byte; it is no text")
        }
        // The index goes first: some malformed keys (`[]`, `[=`) end the process in an assertion of toml++.
        var index = TomlIndex(text, file: file)
        let places = try index.build()
        let table = try parse(text, file: file)
        // TOMLKit never frees a document; an emptied one is only a few bytes.
        defer { table.clear() }
        return SettingsNode(value: .table(try members(places, of: table, file: file)), line: 1)
    }

    private static func parse(_ text: String, file: String) throws(SettingsFault) -> TOMLTable {
        do {
            return try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw SettingsFault(
                file: file, line: error.source.begin.line, key: "", message: "not valid TOML: \(error.description)")
        } catch {
            throw SettingsFault(file: file, line: 0, key: "", message: "not valid TOML")
        }
    }

    private static func members(
        _ places: [TomlIndex.Member], of table: TOMLTable, file: String
    ) throws(SettingsFault) -> [SettingsMember] {
        var members: [SettingsMember] = []
        for place in places {
            guard let value = table[place.key] else { throw disagreement(place.key, place.node, file) }
            members.append(SettingsMember(key: place.key, node: try node(place.node, value, place.key, file: file)))
        }
        return members
    }

    private static func node(
        _ place: TomlIndex.Node, _ value: any TOMLValueConvertible, _ key: String, file: String
    ) throws(SettingsFault) -> SettingsNode {
        switch place.content {
        case .table(let places):
            guard let table = value.table, table.count == places.count else { throw disagreement(key, place, file) }
            return SettingsNode(value: .table(try members(places, of: table, file: file)), line: place.line)
        case .array(let places):
            guard let array = value.array, array.count == places.count else { throw disagreement(key, place, file) }
            var items: [SettingsNode] = []
            for (index, item) in places.enumerated() {
                items.append(try node(item, array[index], key, file: file))
            }
            return SettingsNode(value: .array(items), line: place.line)
        case .literal(let text):
            guard let scalar = scalar(value, literal: text) else { throw disagreement(key, place, file) }
            return SettingsNode(value: scalar, line: place.line)
        }
    }

    private static func scalar(_ value: any TOMLValueConvertible, literal: String) -> SettingsNode.Value? {
        switch value.type {
        case .string: value.string.map { .string($0) }
        case .int: value.int.map { .integer(Int64($0)) }
        case .bool: value.bool.map { .bool($0) }
        case .double: .decimal(plain(literal))
        case .date, .time, .dateTime: .time(literal)
        case .table, .array: nil
        }
    }

    /// A TOML float without what only TOML allows: underscores and a leading plus.
    private static func plain(_ literal: String) -> String {
        let digits = literal.filter { $0 != "_" }
        return digits.hasPrefix("+") ? String(digits.dropFirst()) : digits
    }

    /// The two readings of the text differ: refused, never guessed.
    private static func disagreement(_ key: String, _ place: TomlIndex.Node, _ file: String) -> SettingsFault {
        SettingsFault(file: file, line: place.line, key: key, message: "cannot be read; write it in a simpler form")
    }
}
