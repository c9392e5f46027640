import Metering

/// One argument of a command, or one member of an argument that is an object.
public struct ArgumentSpec: Sendable {
    public var name: String
    public var type: ArgumentType
    public var isRequired: Bool
    /// One phrase for people, with the unit.
    public var summary: String

    /// An argument, required unless said otherwise.
    public init(_ name: String, _ type: ArgumentType, isRequired: Bool = true, _ summary: String) {
        self.name = name
        self.type = type
        self.isRequired = isRequired
        self.summary = summary
    }

    /// An argument that may be left out.
    public static func optional(_ name: String, _ type: ArgumentType, _ summary: String) -> ArgumentSpec {
        ArgumentSpec(name, type, isRequired: false, summary)
    }

    /// The argument as `command show` prints it.
    public var json: JSONValue {
        var object: JSONObject = [
            "name": .string(name), "required": .bool(isRequired), "summary": .string(summary),
            "must_be": .string(type.description),
        ]
        for (name, value) in type.schema.members { object[name] = value }
        return .object(object)
    }

    /// The JSON Schema of an object of these members.
    public static func schema(of specs: [ArgumentSpec]) -> JSONObject {
        var properties = JSONObject()
        for spec in specs {
            var property = spec.type.schema
            property["description"] = .string(spec.summary)
            properties[spec.name] = .object(property)
        }
        let required = specs.filter(\.isRequired).map { JSONValue.string($0.name) }
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema["required"] = .array(required) }
        schema["additionalProperties"] = false
        return schema
    }

    /// Checks the members of an object: nothing unknown, nothing missing, every value in its range.
    /// - Parameter path: where the object stands; empty for `args`.
    static func check(_ object: JSONObject, _ specs: [ArgumentSpec], path: String = "") throws(ArgumentFault) {
        for (name, _) in object.members where !specs.contains(where: { $0.name == name }) {
            let names = specs.map(\.name).joined(separator: ", ")
            throw ArgumentFault(
                argument: path.isEmpty ? "unknown_member" : "\(path).unknown_member",
                message:
                    "\(path.isEmpty ? "args" : path) has an unknown member; \(names.isEmpty ? "none" : names) allowed")
        }
        for spec in specs {
            let place = path.isEmpty ? spec.name : "\(path).\(spec.name)"
            guard let value = object[spec.name] else {
                guard spec.isRequired else { continue }
                throw ArgumentFault(argument: place, message: "the argument \(place) is missing")
            }
            try spec.type.check(value, path: place)
        }
    }
}

/// Why arguments are no arguments of a command.
public struct ArgumentFault: Error, Hashable, Sendable {
    /// The argument's name, its path where it stands inside another (`days.mon[0].from`), or `unknown_member`.
    public var argument: String
    /// For people; it never repeats text of the sender.
    public var message: String

    /// A fault of one argument.
    public init(argument: String, message: String) {
        self.argument = argument
        self.message = message
    }
}
