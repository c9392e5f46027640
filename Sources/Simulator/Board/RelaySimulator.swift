import Drivers
import Metering

/// A Modbus relay of the board: a coil, the contact that it moves, inputs that show the contact and three buttons.
public struct BoardRelay: Hashable, Sendable {
    /// Where everything is in the unit.
    public static let coil: UInt16 = 0
    public static let feedback: UInt16 = 0

    public var name: String
    /// The Modbus unit, 1…247.
    public var unit: UInt8
    /// The meter whose house hangs behind the contact.
    public var meter: String

    public init(name: String, unit: UInt8, meter: String) {
        self.name = name
        self.unit = unit
        self.meter = meter
    }
}

/// What can happen to a relay.
public enum RelayFate: String, Hashable, Sendable, CaseIterable {
    /// The contact stays where it is.
    case stick
    /// The contact says that it opens, and load flows on.
    case weld
    /// The contact opens by itself.
    case trip
    /// It does as its coil is told again.
    case mend

    /// For people.
    public var words: String {
        switch self {
        case .stick: "the contact stays where it is"
        case .weld: "the contact is welded: load flows on whatever it shows"
        case .trip: "the contact opened by itself"
        case .mend: "it does as it is told again"
        }
    }
}

/// The customer's buttons, at inputs of the relay's unit.
public enum RelayButton: String, Hashable, Sendable, CaseIterable {
    case emergency, arm, next

    /// The discrete input.
    public var input: UInt16 {
        switch self {
        case .emergency: 1
        case .arm: 2
        case .next: 3
        }
    }
}

/// A relay in operation. It begins closed, as an installer leaves it.
public struct RelaySimulator: Hashable, Sendable {
    /// The contact follows its coil this much later, milliseconds.
    static let delay: Int64 = 50
    private static let coils = 4
    private static let inputs = 8

    public let relay: BoardRelay
    /// What the coil was told last.
    public private(set) var isOn = true
    /// When the house had no supply.
    public private(set) var interruptions: [SupplyInterruption] = []

    private var isClosed = true
    /// Where the contact was before `movedAt`.
    private var wasClosed = true
    private var movedAt = WallTime(milliseconds: .min)
    private var isStuck = false
    private var isWelded = false
    private var pressedUntil: [WallTime?] = [nil, nil, nil]

    init(_ relay: BoardRelay) { self.relay = relay }

    /// Whether the contact shows closed.
    public func showsClosed(at time: WallTime) -> Bool { time < movedAt ? wasClosed : isClosed }

    mutating func suffer(_ fate: RelayFate, at time: WallTime) {
        switch fate {
        case .stick: isStuck = true
        case .weld: isWelded = true
        case .trip: move(false, at: time)
        case .mend:
            isStuck = false
            isWelded = false
            // What a welded contact let flow ends now, if it shows open.
            if !isClosed, interruptions.last?.to != nil || interruptions.isEmpty { interrupt(from: time) }
            move(isOn, at: time)
        }
    }

    mutating func press(_ button: RelayButton, until time: WallTime) {
        pressedUntil[Int(button.input) - 1] = time
    }

    private mutating func move(_ closed: Bool, at time: WallTime) {
        guard closed != isClosed else { return }
        wasClosed = showsClosed(at: time)
        isClosed = closed
        movedAt = time
        if closed { restore(at: time) } else if !isWelded { interrupt(from: time) }
    }

    private mutating func interrupt(from time: WallTime) {
        interruptions.append(SupplyInterruption(from: time, to: nil))
    }

    private mutating func restore(at time: WallTime) {
        guard let last = interruptions.last, last.to == nil else { return }
        interruptions[interruptions.count - 1].to = max(last.from, time)
    }

    // MARK: Modbus

    /// The answer to an RTU request; empty for one that is damaged or meant for another unit.
    mutating func answer(rtu frame: [UInt8], at time: WallTime) -> [UInt8] {
        guard let (unit, request) = try? ModbusRTU.request(in: frame), unit.number == relay.unit else { return [] }
        return ModbusRTU.answer(answer(request, at: time), function: request.function, unit: unit)
    }

    /// The answer to a Modbus TCP request.
    mutating func answer(tcp frame: [UInt8], at time: WallTime) -> [UInt8] {
        guard let (unit, transaction, request) = try? ModbusTCP.request(in: frame), unit.number == relay.unit else {
            return []
        }
        return ModbusTCP.answer(
            answer(request, at: time), function: request.function, unit: unit, transaction: transaction)
    }

    private mutating func answer(_ request: ModbusRequest, at time: WallTime) -> ModbusAnswer {
        switch request {
        case .bits(let read):
            let bits = read.function == 1 ? coilBits : inputBits(at: time)
            let end = Int(read.address) + Int(read.count)
            return end <= bits.count ? .bits(Array(bits[Int(read.address)..<end])) : .exception(2)
        case .order(let coil, let on):
            guard coil < Self.coils else { return .exception(2) }
            if coil == BoardRelay.coil {
                isOn = on
                if !isStuck { move(on, at: time + Self.delay) }
            }
            return .ordered(coil: coil, on: on)
        case .read, .other: return .exception(1)
        case .malformed: return .exception(3)
        }
    }

    private var coilBits: [Bool] { [isOn] + [Bool](repeating: false, count: Self.coils - 1) }

    private func inputBits(at time: WallTime) -> [Bool] {
        var bits = [Bool](repeating: false, count: Self.inputs)
        bits[Int(BoardRelay.feedback)] = showsClosed(at: time)
        for button in RelayButton.allCases {
            bits[Int(button.input)] = pressedUntil[Int(button.input) - 1].map { time < $0 } ?? false
        }
        return bits
    }
}
