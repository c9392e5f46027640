import Metering

/// Ropo One's usage place events.
public struct RopoStub: Sendable {
    /// Bodies by event, in order of their first arrival.
    public private(set) var events: [(id: String, body: String)] = []
    public private(set) var tokens = 0

    public init() {}

    mutating func answer(_ request: StubRequest) -> (StubReply, String) {
        switch (request.method, request.path) {
        case ("POST", "/rest/token"):
            guard request.json?["cid"]?.string == StubCredentials.ropoCid,
                request.json?["apicode"]?.string == StubCredentials.ropoCode
            else { return (StubReply(400, ["errorId": 12, "errorText": "Unknown cid or apicode"]), "wrong") }
            tokens += 1
            return (StubReply(201, ["token": .string("ropo-jwt-\(tokens)")]), "good")
        case ("POST", "/rest/usageplace/event"):
            let key = request.header("authorization")
            guard tokens > 0, key == "Bearer ropo-jwt-\(tokens)" else {
                return (StubReply(401), key == nil ? "none" : "wrong")
            }
            return (event(request), "good")
        default: return (StubReply(404), "none")
        }
    }

    private mutating func event(_ request: StubRequest) -> StubReply {
        guard let id = request.json?["id"]?.string, let status = request.json?["status"]?.string,
            ["connected", "disconnected", "not_disconnected"].contains(status)
        else { return StubReply(400, ["status": 400, "title": "Bad Request", "detail": "status", "type": nil]) }
        if !events.contains(where: { $0.id == id }) {
            events.append((id, String(decoding: request.body, as: UTF8.self)))
        }
        return StubReply(200)
    }
}
