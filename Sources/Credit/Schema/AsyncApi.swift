import Metering

/// The outside contract over MQTT as an AsyncAPI 3 document: topics, messages, and JSON Schemas of every command,
/// result and record, all made from the catalogue.
public enum AsyncApi {
    /// The document.
    /// - Parameter version: the product's version.
    public static func document(version: String) -> JSONValue {
        [
            "asyncapi": "3.0.0", "info": info(version), "defaultContentType": "application/json",
            "channels": .object(channels), "operations": .object(operations),
            "components": ["messages": .object(messages), "schemas": .object(Schemas.all)],
        ]
    }

    private static let about = """
        MQTT 5 messages between a Meterside box and the cloud. Money is whole micro-units (10^-6 of the major unit), \
        energy whole watt-hours, times RFC 3339 UTC.
        """

    private static func info(_ version: String) -> JSONValue {
        [
            "title": "Meterside", "version": .string(version),
            "description": .string(about),
        ]
    }

    /// A topic below `meterside/<box>/`.
    private struct Topic {
        var name: String
        var address: String
        var summary: String
        /// Whether the box sends it.
        var isSent: Bool
        /// Name of the payload's schema.
        var schema: String
        var parameters: [(name: String, summary: String)] = []
        var isRetained = false
    }

    private static let topics: [Topic] = [
        Topic(
            name: "state", address: "state", summary: "Whether the box is there; the will says offline.", isSent: true,
            schema: "state", isRetained: true),
        Topic(
            name: "live", address: "meter/{serial}/live", summary: "Readings; dropped while offline.", isSent: true,
            schema: "live", parameters: [("serial", "serial number of the meter")]),
        Topic(
            name: "journal", address: "journal", summary: "Contiguous records, at most 200 and 64 KiB.", isSent: true,
            schema: "journal"),
        Topic(
            name: "alarm", address: "alarm", summary: "A copy of an alarm or supply record; drop it by seq.",
            isSent: true, schema: "record"),
        Topic(
            name: "receipt", address: "receipt", summary: "What the cloud holds, or wants again.", isSent: false,
            schema: "receipt"),
        Topic(
            name: "command", address: "command", summary: "A signed command: JWS compact serialization, EdDSA.",
            isSent: false, schema: "command"),
        Topic(
            name: "result", address: "result/{jti}", summary: "What became of a command.", isSent: true,
            schema: "result", parameters: [("jti", "id of the command")]),
    ]

    private static var channels: JSONObject {
        var channels = JSONObject()
        for topic in topics {
            var parameters: JSONObject = ["box": ["description": "id of the box"]]
            for (name, summary) in topic.parameters { parameters[name] = ["description": .string(summary)] }
            channels[topic.name] = [
                "address": .string("meterside/{box}/\(topic.address)"), "description": .string(topic.summary),
                "parameters": .object(parameters),
                "messages": .object([topic.name: reference("messages", topic.name)]),
                "bindings": ["mqtt": ["bindingVersion": "0.2.0"]],
            ]
        }
        return channels
    }

    private static var operations: JSONObject {
        var operations = JSONObject()
        for topic in topics {
            let verb = topic.isSent ? "send" : "receive"
            operations["\(verb)_\(topic.name)"] = [
                "action": .string(verb), "channel": ["$ref": .string("#/channels/\(topic.name)")],
                "summary": .string(topic.summary),
                "bindings": [
                    "mqtt": ["qos": 1, "retain": .bool(topic.isRetained), "bindingVersion": "0.2.0"]
                ],
            ]
        }
        return operations
    }

    private static var messages: JSONObject {
        var messages = JSONObject()
        for topic in topics {
            var message: JSONObject = ["name": .string(topic.name), "title": .string(topic.summary)]
            if topic.name == "command" { message["contentType"] = "application/jose" }
            message["payload"] = reference("schemas", topic.schema)
            messages[topic.name] = .object(message)
        }
        return messages
    }

    static func reference(_ kind: String, _ name: String) -> JSONValue {
        ["$ref": .string("#/components/\(kind)/\(name)")]
    }
}
