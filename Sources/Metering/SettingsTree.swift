/// A configuration or model file as a tree, each value with its place, before anything is checked.
/// The `Toml` target makes it from text; the checks that walk it are pure.
public struct SettingsNode: Hashable, Sendable {
    public var value: Value
    /// 1-based line in the file, 0 when not known.
    public var line: Int

    public init(value: Value, line: Int) {
        self.value = value
        self.line = line
    }

    /// The kinds of values a settings file may hold.
    public enum Value: Hashable, Sendable {
        case string(String)
        case integer(Int64)
        /// As written, because a binary fraction is no exact number.
        case decimal(String)
        case bool(Bool)
        /// A date or time that stands without quotes, as written.
        case time(String)
        case array([SettingsNode])
        case table([SettingsMember])
    }
}

/// A key of a table and its value, in file order.
public struct SettingsMember: Hashable, Sendable {
    public var key: String
    public var node: SettingsNode

    public init(key: String, node: SettingsNode) {
        self.key = key
        self.node = node
    }
}

/// What is wrong in a settings file: place, key and what is allowed.
public struct SettingsFault: Error, Hashable, Sendable, CustomStringConvertible {
    public var file: String
    /// 1-based; 0 when the whole file is meant.
    public var line: Int
    /// Path of keys, `meter[1].poll_seconds`; empty when the whole file is meant.
    public var key: String
    /// What is wrong and what is allowed, in words.
    public var message: String

    public init(file: String, line: Int, key: String, message: String) {
        self.file = file
        self.line = line
        self.key = key
        self.message = message
    }

    public var description: String {
        let place = line > 0 ? "\(file):\(line)" : file
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}
