import Drivers
import Metering
import Simulator
import Testing

@testable import Gateway

/// A simulated EDMI meter behind the bench's wire.
final class EdmiBenchMeter: @unchecked Sendable {
    var simulator: EdmiMeterSimulator
    var isSilent = false
    /// Exchanges in which a log-in was tried.
    private(set) var logins = 0
    private(set) var commands: [[UInt8]] = []

    init(serial: String = "217072470", dialect: MeterModel.Dialect = .atlas) {
        simulator = EdmiMeterSimulator(
            EdmiMeterSettings(dialect: dialect, serial: serial, load: HouseholdLoad(seed: 5)))
        simulator.settings.survey = EdmiMeterSurvey(intervalMinutes: 5)
    }

    func answer(_ request: BusRequest, _ elapsed: Int64) -> (outcome: BusOutcome, delay: Int64)? {
        guard case .edmi(let exchange) = request.operation else { return (.failed(.timeout), 150_000) }
        let now = Bench.start + elapsed / 1000
        guard !isSilent, let frame = try? EdmiFrame.decode(Self.withoutEscape(exchange.wire)) else {
            return (.failed(.timeout), exchange.timeout * Int64(exchange.tries))
        }
        let inner = EdmiEnvelope(body: frame)?.inner ?? frame
        commands.append(inner)
        if inner.first == 0x4C { logins += 1 }
        guard let body = simulator.answer(frame, at: now), case .mine = exchange.match(body) else {
            return (.failed(.timeout), exchange.timeout * Int64(exchange.tries))
        }
        return (.edmi(body), 60_000)
    }

    /// Attention begins with ESC, before the frame.
    private static func withoutEscape(_ wire: [UInt8]) -> [UInt8] {
        wire.first == 0x1B ? Array(wire.dropFirst()) : wire
    }

    static func settings(
        serial: String = "217072470", model: MeterModel = WorldModels.atlas, port: String = "a", logoff: Bool = false
    ) throws -> MeterSettings {
        MeterSettings(
            serial: try #require(MeterSerial(serial)), model: model, port: PortID(port),
            address: try #require(UInt32(serial)), addressed: true, user: "READER",
            password: Secret(Array("READER".utf8)), logoff: logoff, pollSeconds: 30)
    }
}
