import Metering

/// The table that says which register is what, for one meter model. It comes from a data file
/// (`hardware/meters/<name>.toml`) and carries its own proof.
public struct MeterModel: Hashable, Sendable {
    /// The file's name without `.toml`: what `[[meter]] model` says.
    public var name: String
    /// For people: maker and type.
    public var title: String
    public var dialect: Dialect
    /// False where the register map is taken from third parties and was never seen on a real meter.
    public var verified: Bool
    public var registers: [ModelRegister]
    /// The register read first to tell whether this model is there, and what it must say.
    public var probe: ModelProbe
    public var timing: ModelTiming
    public var proofs: [ModelProof]

    public init(
        name: String, title: String, dialect: Dialect, verified: Bool, registers: [ModelRegister], probe: ModelProbe,
        timing: ModelTiming, proofs: [ModelProof]
    ) {
        self.name = name
        self.title = title
        self.dialect = dialect
        self.verified = verified
        self.registers = registers
        self.probe = probe
        self.timing = timing
        self.proofs = proofs
    }

    /// How the model speaks.
    public enum Dialect: Hashable, Sendable {
        /// EDMI command line, 32-bit register space (Mk6).
        case genius
        /// EDMI command line, 16-bit register space (Mk7, Mk10).
        case atlas
        case modbus

        public var isEdmi: Bool { self != .modbus }
    }
}

/// One row of a model.
public struct ModelRegister: Hashable, Sendable {
    /// The name in the outside contract: `import_wh`, `voltage_l1_v`.
    public var name: RegisterName
    /// The maker's own name of it, kept as it is.
    public var rawName: String
    public var source: RegisterSource
    /// Multiplied with the raw value to come to the unit of `name`: kWh to Wh is 1000, tenths of a volt 0.1.
    public var scale: DecimalValue
    /// Unit as printed: `V A W var VA Wh varh Hz` or empty.
    public var unit: String
    /// Width of a cumulative register before it rolls over, in its unit; nil where it never does in practice.
    public var rollover: Int64?
    /// Modbus only: bit patterns by which the meter says "no value". NaN and infinities never are a value.
    public var invalid: [UInt64]
    /// The smallest step of the value in its unit, as the maker states it; nil where only the type limits it.
    public var resolution: DecimalValue?
    /// Read when someone asks (`meter read`), not in every poll: tariff registers, harmonics.
    public var isDetail: Bool

    public init(
        name: RegisterName, rawName: String, source: RegisterSource, scale: DecimalValue, unit: String,
        rollover: Int64?, invalid: [UInt64] = [], resolution: DecimalValue? = nil, isDetail: Bool = false
    ) {
        self.name = name
        self.rawName = rawName
        self.source = source
        self.scale = scale
        self.unit = unit
        self.rollover = rollover
        self.invalid = invalid
        self.resolution = resolution
        self.isDetail = isDetail
    }

    /// The channel this row feeds, if it is one of the four cumulative ones.
    public var channel: Channel? { Channel(rawValue: name.text) }
}

/// Where a register's bytes are.
public enum RegisterSource: Hashable, Sendable {
    /// EDMI register; `type` is the type letter of reference/edmi.md §4.1, nil to ask the meter (`I`/`O`) once.
    case edmi(address: UInt32, type: EdmiType?)
    case modbus(function: UInt8, address: UInt16, type: ModbusType, order: WordOrder)

    /// As the meter's manual writes it: `1E00`, `0x0048`.
    public var text: String {
        switch self {
        case .edmi(let address, _):
            String(repeating: "0", count: max(0, 4 - String(address, radix: 16).count))
                + String(address, radix: 16, uppercase: true)
        case .modbus(_, let address, _, _):
            "0x" + String(repeating: "0", count: 4 - String(address, radix: 16).count)
                + String(address, radix: 16, uppercase: true)
        }
    }
}

/// Type letters of EDMI registers (reference/edmi.md §4.1, "external" column).
public enum EdmiType: UInt8, Hashable, Sendable, CaseIterable {
    case string = 0x41
    case boolean = 0x42
    case byte = 0x43
    case double = 0x44
    case efaString = 0x45
    case float = 0x46
    case stringOrLong = 0x47
    case hexShort = 0x48
    case short = 0x49
    case variableSpecial = 0x4A
    case long = 0x4C
    case none = 0x4E
    case floatEnergy = 0x4F
    case powerFactor = 0x50
    case time = 0x51
    case date = 0x52
    case special = 0x53
    case timeAndDate = 0x54
    case doubleEnergy = 0x55
    case longLong = 0x56
    case waveform = 0x57
    case hexLong = 0x58
    case registerNumber = 0x5A
}

/// Types of Modbus values.
public enum ModbusType: String, Hashable, Sendable, CaseIterable {
    case int16, uint16, int32, uint32, int64, uint64, float32, float64

    /// 16-bit registers a value takes: 1, 2 or 4.
    public var registerCount: UInt16 {
        switch self {
        case .int16, .uint16: 1
        case .int32, .uint32, .float32: 2
        case .int64, .uint64, .float64: 4
        }
    }
}

/// Order of bytes on the wire: A is the most significant byte of the value (reference/modbus-rtu.md §6).
public enum WordOrder: String, Hashable, Sendable, CaseIterable {
    case abcd = "ABCD"
    case cdab = "CDAB"
    case badc = "BADC"
    case dcba = "DCBA"
}

/// How to tell whether a model is there.
public struct ModelProbe: Hashable, Sendable {
    /// A row's name (Modbus), or `serial` for the EDMI serial register F002.
    public var register: RegisterName
    /// The value lies in this range when the model is there; nil when an answer is enough.
    public var range: ClosedRange<Int64>?

    public init(register: RegisterName, range: ClosedRange<Int64>?) {
        self.register = register
        self.range = range
    }
}

/// Per-model timing; a `[[meter]]`'s own settings win.
public struct ModelTiming: Hashable, Sendable {
    /// Milliseconds.
    public var timeout: Int64
    /// Milliseconds of silence before a request.
    public var turnaround: Int64
    /// Most registers a Modbus request may ask for, 1…125.
    public var maxRegisters: UInt16
    /// Undefined registers a request may read over to join two blocks; 0 where the meter answers exception 2.
    public var maxGap: UInt16

    public init(timeout: Int64, turnaround: Int64, maxRegisters: UInt16, maxGap: UInt16) {
        self.timeout = timeout
        self.turnaround = turnaround
        self.maxRegisters = maxRegisters
        self.maxGap = maxGap
    }
}

/// Recorded bytes and what they must become.
public struct ModelProof: Hashable, Sendable {
    /// Where the bytes come from: a capture, or "synthetic" with the reference that gives the layout.
    public var origin: String
    /// Request as on the wire (RTU with CRC, or the EDMI frame).
    public var request: [UInt8]
    /// Reply as on the wire.
    public var reply: [UInt8]
    /// Register name and the decimal text it must read as, in file order.
    public var readings: [ProofReading]

    public init(origin: String, request: [UInt8], reply: [UInt8], readings: [ProofReading]) {
        self.origin = origin
        self.request = request
        self.reply = reply
        self.readings = readings
    }
}

/// One reading a proof must give.
public struct ProofReading: Hashable, Sendable {
    public var name: RegisterName
    /// `DecimalValue.text`
    public var value: String

    public init(name: RegisterName, value: String) {
        self.name = name
        self.value = value
    }
}
