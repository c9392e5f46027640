import Drivers
import Metering

/// One request on a wire of the world: when it was given, when it began and when it was answered, microseconds.
public struct WorldExchange: Hashable, Sendable {
    public let port: PortID
    public let givenAt: Int64
    public let beganAt: Int64
    public let doneAt: Int64
    /// It reads records of a load survey.
    public let isSurvey: Bool

    init(_ request: BusRequest, givenAt: Int64, beganAt: Int64, doneAt: Int64) {
        port = request.port
        self.givenAt = givenAt
        self.beganAt = beganAt
        self.doneAt = doneAt
        isSurvey = Self.readsRecords(request.operation)
    }

    /// Records are read with the file command, `F` (reference/edmi.md §6).
    private static func readsRecords(_ operation: BusOperation) -> Bool {
        guard case .edmi(let exchange) = operation, let body = try? EdmiFrame.decode(exchange.wire) else {
            return false
        }
        return (EdmiEnvelope(body: body)?.inner ?? body).first == 0x46
    }
}
