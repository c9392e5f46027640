/// A JSON value is kept as its text.
extension JSONValue: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: JSONWriter.compact(self), as: UTF8.self))
    }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        self = try JSONReader.read(Array(text.utf8))
    }
}

extension JSONObject: Codable {
    public func encode(to encoder: any Encoder) throws { try JSONValue.object(self).encode(to: encoder) }

    public init(from decoder: any Decoder) throws {
        guard let object = try JSONValue(from: decoder).object else { throw StateFault("no object") }
        self = object
    }
}
