import Metering

/// JSON Schemas of what goes over MQTT.
enum Schemas {
    /// By name, in order: envelopes first, then each command's arguments and claims.
    static var all: JSONObject {
        var schemas: JSONObject = [
            "state": state, "live": live, "record": record, "journal": journal, "receipt": receipt,
            "command": command, "result": result, "bulk": bulk,
        ]
        for spec in Catalogue.commands {
            var arguments = spec.schema
            arguments["description"] = .string(spec.summary)
            schemas["args.\(spec.name)"] = .object(arguments)
            schemas["claims.\(spec.name)"] = claims(of: spec)
        }
        return schemas
    }

    // MARK: Building

    private static func object(_ properties: JSONObject, required: [String], isClosed: Bool = true) -> JSONValue {
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        schema["required"] = .array(required.map { .string($0) })
        if isClosed { schema["additionalProperties"] = false }
        return .object(schema)
    }

    private static func words(_ words: [String]) -> JSONValue { ["enum": .array(words.map { .string($0) })] }

    private static let identifier = JSONValue.object(ArgumentType.identifier.schema)
    private static let time: JSONValue = ["type": "string", "format": "date-time"]
    private static let sequence: JSONValue = ["type": "integer", "minimum": 1]
    private static let seconds: JSONValue = ["type": "integer", "minimum": 0, "maximum": 253_402_300_799]
    private static let counter: JSONValue = ["type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991]

    // MARK: Out

    private static let state = object(
        [
            "state": words(["online", "offline"]), "version": ["type": "string"], "head": ["type": "integer"],
            "at": time,
        ],
        required: ["state"], isClosed: false)

    private static var live: JSONValue {
        let reading = object(
            [
                "channel": ["type": ["string", "null"]], "register": ["type": "string"],
                "value": ["type": ["string", "null"]], "unit": ["type": "string"], "quality": ["type": "string"],
                "at": time,
            ], required: ["value"], isClosed: false)
        return object(
            [
                "serial": ["type": "string"], "model": ["type": "string"], "at": time,
                "clock_offset_s": ["type": ["integer", "null"]], "readings": ["type": "array", "items": reading],
            ], required: ["serial", "readings"], isClosed: false)
    }

    private static var record: JSONValue {
        object(
            [
                "seq": sequence, "at": time, "kind": words(JournalKind.allCases.map(\.rawValue)),
                "key": ["type": "string"], "data": data,
                "hash": ["type": "string", "pattern": "^[0-9a-f]{64}$"],
            ], required: ["seq", "at", "kind", "key", "data", "hash"])
    }

    /// Members that records of several kinds have; each kind has more.
    private static var data: JSONValue {
        [
            "type": "object",
            "properties": [
                "alarm": words(AlarmWord.allCases.map(\.rawValue)), "unit": ["type": "string"],
                "meter": ["type": "string"], "jti": identifier, "result": AsyncApi.reference("schemas", "result"),
            ],
        ]
    }

    private static var journal: JSONValue {
        object(
            [
                "box": ["type": "string"],
                "records": [
                    "type": "array", "items": AsyncApi.reference("schemas", "record"), "minItems": 1, "maxItems": 200,
                ],
            ], required: ["box", "records"])
    }

    private static var result: JSONValue {
        object(
            [
                "id": ["type": ["string", "null"]], "command": ["type": ["string", "null"]],
                "unit": ["type": ["string", "null"]],
                "state": words(["completed", "rejected", "failed", "expired", "cancelled", "scheduled"]),
                "code": words(CommandCode.allCases.map(\.rawValue)), "detail": ["type": ["string", "null"]],
                "message": ["type": "string"], "seq": ["type": ["integer", "null"]], "at": time, "result": true,
                "repeat": ["const": true],
            ],
            required: ["id", "command", "unit", "state", "code", "detail", "message", "seq", "at", "result"],
            isClosed: false)
    }

    // MARK: In

    private static let receipt: JSONValue = [
        "oneOf": [
            object(["upto": ["type": "integer", "minimum": 0]], required: ["upto"]),
            object(
                ["resend": ["type": "array", "items": sequence, "minItems": 2, "maxItems": 2]], required: ["resend"]),
        ]
    ]

    private static let bulk = object(
        [
            "id": identifier, "name": ["type": "string", "minLength": 1, "maxLength": 64],
            "units": [
                "oneOf": [
                    ["const": "all"],
                    [
                        "type": "array", "items": .object(ArgumentType.name.schema), "minItems": 1, "maxItems": 1000,
                        "uniqueItems": true,
                    ],
                ]
            ],
        ], required: ["id", "units"])

    private static var command: JSONValue {
        [
            "type": "string", "maxLength": 16_384,
            "pattern": "^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$",
            "description": "The payload of the JWS is one of the claims.",
            "contentMediaType": "application/jose",
            "contentSchema": [
                "oneOf": .array(
                    Catalogue.commands.map { AsyncApi.reference("schemas", "claims.\($0.name)") })
            ],
        ]
    }

    /// The signed payload of one command.
    private static func claims(of spec: CommandSpec) -> JSONValue {
        var properties: JSONObject = [
            "jti": identifier, "aud": identifier, "sub": identifier, "iat": seconds, "nbf": seconds, "exp": seconds,
            "ctr": counter, "cmd": ["const": .string(spec.name)],
            "args": AsyncApi.reference("schemas", "args.\(spec.name)"),
        ]
        if spec.mayWait { properties["execute_at"] = seconds }
        if spec.bulk { properties["bulk"] = AsyncApi.reference("schemas", "bulk") }
        var required = ["jti", "aud", "sub", "iat", "exp", "cmd"]
        if spec.kind.needsCounter { required.append("ctr") }
        if spec.arguments.contains(where: \.isRequired) { required.append("args") }
        guard case .object(var schema) = object(properties, required: required) else { return .null }
        schema["description"] = .string(
            "\(spec.summary) sub: \(spec.target.rawValue). Roles: \(roles(spec)). "
                + "exp - iat at most \(spec.kind.longestLife) s.")
        return .object(schema)
    }

    private static func roles(_ spec: CommandSpec) -> String {
        spec.roles.filter { CommandSpec.keyRoles.contains($0) }.map(\.rawValue).joined(separator: ", ")
    }
}
