import Drivers
import Metering
import Simulator
import Testing

/// Bytes from text such as `02 52 F0 10`.
func bytes(hex text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// One wire with simulated meters on it, driven as a port's thread would: repeats on silence, skips foreign frames.
struct EdmiBench {
    var meters: [EdmiMeterSimulator]
    /// True time.
    var now = EdmiFixture.start
    /// Everything sent, in order.
    var sent: [EdmiExchange] = []
    /// Called with the number of the exchange (from 0) before it is sent.
    var before: (@Sendable (Int, inout [EdmiMeterSimulator]) -> Void)?
    /// The next outcomes whatever the meters say.
    var forced: [BusOutcome] = []

    init(_ meters: EdmiMeterSettings...) { self.meters = meters.map { EdmiMeterSimulator($0) } }

    var uptime: Uptime { Uptime(microseconds: now.milliseconds * 1000) }

    /// The commands sent so far, without envelopes, attention as an empty one.
    var commands: [[UInt8]] {
        sent.map { exchange in
            let body = (try? EdmiFrame.decode(exchange.wire)) ?? []
            return EdmiEnvelope(body: body)?.inner ?? body
        }
    }

    mutating func carryOut(_ exchange: EdmiExchange) -> BusOutcome {
        before?(sent.count, &meters)
        sent.append(exchange)
        now = now + 100
        if !forced.isEmpty { return forced.removeFirst() }
        var damaged = false
        var reader = EdmiFrameReader()
        for _ in 0..<exchange.tries {
            var heard: [UInt8] = []
            for index in meters.indices { heard += meters[index].receive(exchange.wire, at: now) }
            for event in reader.feed(heard) {
                switch event {
                case .damaged: damaged = true
                case .frame(let body):
                    if case .mine = exchange.match(body) { return .edmi(body) }
                }
            }
            now = now + exchange.timeout / 1000
        }
        return .failed(damaged ? .badChecksum : .timeout)
    }

    /// Goes on with `task` until it is done, fails, or must wait.
    mutating func run<Task: EdmiTask>(_ session: inout EdmiSession, _ task: inout Task, most: Int = 2000) -> EdmiStep {
        for _ in 0..<most {
            let step = session.next(&task, at: uptime)
            guard case .send(let exchange) = step else { return step }
            let outcome = carryOut(exchange)
            session.receive(outcome, for: &task, at: uptime)
        }
        Issue.record("the task does not end within \(most) exchanges")
        return .done
    }
}

enum EdmiFixture {
    static let household = HouseholdLoad(seed: 7, hasSolar: true)

    static func meter(
        _ dialect: MeterModel.Dialect, _ serial: String = "217072470", survey: EdmiMeterSurvey = EdmiMeterSurvey()
    ) -> EdmiMeterSettings {
        EdmiMeterSettings(dialect: dialect, serial: serial, survey: survey, load: household)
    }

    static let start = WallTime(seconds: 1_784_000_000)

    /// A meter whose measurements stand still at `start`, so that every right value is known.
    static func stillMeter(_ dialect: MeterModel.Dialect) -> EdmiMeterSettings {
        var settings = meter(dialect)
        settings.values = { name, _ in household.value(of: name, at: start) }
        return settings
    }

    static func link(
        _ dialect: MeterModel.Dialect, addressed: Bool = true, serial: String? = "217072470",
        address: UInt32 = 217_072_470, password: String = "READER", sendsExit: Bool = false,
        maxDataBytes: Int = 512
    ) -> EdmiLink {
        EdmiLink(
            dialect: dialect, serial: serial.flatMap { MeterSerial($0) }, address: addressed ? address : nil,
            user: "READER", password: Secret([UInt8](password.utf8)), sendsExit: sendsExit,
            line: LineSettings(baud: 9600, format: .eightNone1), maxDataBytes: maxDataBytes)
    }

    static func register(
        _ name: String, _ address: UInt32, _ type: EdmiType?, unit: String = "Wh",
        scale: DecimalValue = DecimalValue(mantissa: 1)
    ) -> ModelRegister {
        ModelRegister(
            name: RegisterName(name), rawName: name, source: .edmi(address: address, type: type), scale: scale,
            unit: unit, rollover: nil)
    }

    static let atlasRegisters = [
        register("import_wh", 0x1E00, .floatEnergy), register("voltage_l1_v", 0xE000, .float, unit: "V"),
        register("frequency_hz", 0xE060, nil, unit: "Hz"),
    ]

    static let geniusRegisters = [
        register("import_wh", 0x0069, .doubleEnergy), register("export_wh", 0x0169, .doubleEnergy),
        register("voltage_l1_v", 0xE000, .float, unit: "V"), register("frequency_hz", 0xE060, nil, unit: "Hz"),
    ]

    /// What a float32 register shows of the household's value.
    static func float(_ name: String, at time: WallTime = start) -> DecimalValue? {
        household.value(of: RegisterName(name), at: time).flatMap { Float($0.text) }.flatMap { DecimalValue($0) }
    }

    static func double(_ name: String, at time: WallTime = start) -> DecimalValue? {
        household.value(of: RegisterName(name), at: time).flatMap { Double($0.text) }.flatMap { DecimalValue($0) }
    }
}
