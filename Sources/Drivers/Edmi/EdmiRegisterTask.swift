import Metering

/// Reads the registers of a model, each becoming a value or the reason why there is none.
public struct EdmiRegisterTask: EdmiTask, Hashable {
    public var progress = EdmiTaskProgress()
    public var failure: EdmiFailure? { nil }
    private let registers: [ModelRegister]
    private var reader: EdmiRegisterReader

    /// Registers with a Modbus source are left out.
    public init(_ registers: [ModelRegister]) {
        var kept: [ModelRegister] = []
        var wanted: [(address: UInt32, type: EdmiType?)] = []
        for register in registers {
            guard case .edmi(let address, let type) = register.source else { continue }
            kept.append(register)
            wanted.append((address, type))
        }
        self.registers = kept
        reader = EdmiRegisterReader(wanted)
    }

    /// Whether every register was read or refused.
    public var isDone: Bool { reader.isDone }

    /// All registers in the order given, in the unit of their names (the model's scale applied, the meter's own ratio
    /// not); those not read yet are missing for `reason`.
    public func readings(
        orElse reason: NoData = .timeout
    ) -> [(name: RegisterName, value: Result<DecimalValue, MissingValue>)] {
        registers.indices.map { index in
            (registers[index].name, value(index) ?? .failure(MissingValue(reason)))
        }
    }

    private func value(_ index: Int) -> Result<DecimalValue, MissingValue>? {
        guard let result = reader.items[index].result else { return nil }
        return result.flatMap { value in
            guard case .number(let raw) = value, let scaled = raw.roundedProduct(registers[index].scale) else {
                return .failure(MissingValue(.invalid))
            }
            return .success(scaled)
        }
    }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        reader.command(&facts)
    }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        reader.receive(data, &facts)
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) { reader.refuse(refusal, &facts) }
}

/// Reads the meter's clock, register F03D.
public struct EdmiClockTask: EdmiTask, Hashable {
    public var progress = EdmiTaskProgress()
    public private(set) var failure: EdmiFailure?
    private var reader = EdmiRegisterReader([(address: 0xF03D, type: .timeAndDate)])

    public init() {}

    /// The meter's own standard time, once read; nil also when the meter has no valid time.
    public var time: CivilTime? {
        guard case .time(let time)? = reader.value(0) else { return nil }
        return time
    }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? { reader.command(&facts) }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        reader.receive(data, &facts)
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        reader.refuse(refusal, &facts)
        if reader.isDone { failure = .refused(refusal) }
    }
}

/// Sets the meter's clock (reference/edmi.md §4: `W`, known from one implementation; the meter's ACK alone is no proof,
/// so read the clock again afterwards). The command is never repeated with an old time: give `time` anew before each
/// `next`.
public struct EdmiSetClockTask: EdmiTask, Hashable {
    public var progress = EdmiTaskProgress()
    public private(set) var failure: EdmiFailure?
    /// What the meter's clock shall show, its own standard time.
    public var time: CivilTime
    private var usesOther = false
    private var isDone = false

    public init(_ time: CivilTime) { self.time = time }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        guard !isDone, failure == nil else { return nil }
        let command = EdmiCommand.setClock(time, long: (facts.dialect == .genius) != usesOther)
        if command == nil { failure = .malformed("a meter cannot hold this time") }
        return command
    }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool { false }

    public mutating func acknowledge(_ facts: inout EdmiFacts) -> Bool {
        isDone = true
        return true
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        if refusal.suggestsOtherCommand, !usesOther {
            usesOther = true
        } else {
            failure = .refused(refusal)
        }
    }
}

/// Reads who the meter is. Use it with a link whose `serial` is nil to find out what answers.
public struct EdmiIdentifyTask: EdmiTask, Hashable {
    public var progress = EdmiTaskProgress()
    public var failure: EdmiFailure? { nil }
    private var reader = EdmiRegisterReader([
        (address: 0xF002, type: .string), (address: 0xF000, type: .string), (address: 0xF003, type: .string),
    ])

    public init() {}

    /// F002, without spaces at the ends; nil until read and when it is no allowed serial.
    public var serial: MeterSerial? { text(0).flatMap { MeterSerial($0) } }
    /// F000, the model's name as the meter gives it.
    public var model: String? { text(1) }
    /// F003, the software version.
    public var version: String? { text(2) }

    private func text(_ index: Int) -> String? {
        guard case .text(let text)? = reader.value(index) else { return nil }
        return EdmiText.trimmed(text)
    }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? { reader.command(&facts) }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        reader.receive(data, &facts)
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) { reader.refuse(refusal, &facts) }
}
