import Metering

extension ArgumentType {
    /// JSON Schema keywords for the value.
    public var schema: JSONObject {
        switch self {
        case .integer(let range), .money(let range):
            ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .flag: ["type": "boolean"]
        case .text(let length): Self.text(length)
        case .name: ["type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"]
        case .identifier: ["type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"]
        case .oneOf(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        case .base64(let count):
            Self.text((count + 2) / 3 * 4...(count + 2) / 3 * 4, "contentEncoding", "base64")
        case .hex(let count):
            ["type": "string", "pattern": .string("^[0-9A-Fa-f]{\(count.lowerBound),\(count.upperBound)}$")]
        case .channelValues: Self.channels
        case .time:
            ["oneOf": [["type": "string", "format": "date-time"], ["type": "integer", "minimum": 0]]]
        case .date:
            ["type": "string", "pattern": "^([0-9]{4}|-)-[0-9]{2}-[0-9]{2}$"]
        case .timeOfDay(let mayEndDay):
            [
                "type": "string",
                "pattern": .string(
                    mayEndDay ? "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" : "^([01][0-9]|2[0-3]):[0-5][0-9]$"),
            ]
        case .reference(let most):
            ["oneOf": [.object(ArgumentType.text(1...most).schema), ["type": "integer", "minimum": 0]]]
        case .list(let type, let count):
            [
                "type": "array", "items": .object(type.schema), "minItems": .integer(Int64(count.lowerBound)),
                "maxItems": .integer(Int64(count.upperBound)),
            ]
        case .object(let specs): ArgumentSpec.schema(of: specs)
        case .anyObject: ["type": "object"]
        }
    }

    private static func text(_ length: ClosedRange<Int>, _ name: String? = nil, _ word: String = "") -> JSONObject {
        var schema: JSONObject = ["type": "string"]
        if let name { schema[name] = .string(word) }
        schema["minLength"] = .integer(Int64(length.lowerBound))
        schema["maxLength"] = .integer(Int64(length.upperBound))
        return schema
    }

    private static var channels: JSONObject {
        [
            "type": "object", "minProperties": 1,
            "propertyNames": ["enum": .array(Channel.allCases.map { .string($0.rawValue) })],
            "additionalProperties": ["type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991],
        ]
    }
}
