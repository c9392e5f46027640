import Metering

/// One question on a wire, as the agent hands it to the port's own thread.
public struct BusRequest: Hashable, Sendable {
    /// Unique for the life of the process; the reply carries it.
    public var id: UInt64
    public var port: PortID
    public var operation: BusOperation
    /// Line settings to use for this exchange instead of the port's own: what a scan sweeps. Serial ports only.
    public var line: LineSettings?

    public init(id: UInt64, port: PortID, operation: BusOperation, line: LineSettings? = nil) {
        self.id = id
        self.port = port
        self.operation = operation
        self.line = line
    }
}

/// What a port's thread can be asked to do.
public enum BusOperation: Hashable, Sendable {
    case edmi(EdmiExchange)
    /// Reads done one after the other without leaving the wire; at most 8, so that no other meter waits long.
    case modbus(ModbusJob)
    /// A load switch.
    case contact(ContactJob)
    /// Buttons.
    case inputs(InputsJob)
}

/// One EDMI command and the reply it expects.
public struct EdmiExchange: Hashable, Sendable {
    /// The frame as it goes on the wire, stuffed and with CRC; retries send the same bytes.
    public var wire: [UInt8]
    /// Which replies belong to it; all others on the wire are stale or foreign and are skipped.
    public var expectation: EdmiExpectation
    /// From the last byte sent to the end of the reply, microseconds.
    public var timeout: Int64
    /// Longest silence inside a reply, microseconds.
    public var interCharacter: Int64
    /// Silence before sending, microseconds.
    public var turnaround: Int64
    /// Times the frame is sent before giving up, 1…5.
    public var tries: Int

    public init(
        wire: [UInt8], expectation: EdmiExpectation, timeout: Int64, interCharacter: Int64, turnaround: Int64,
        tries: Int
    ) {
        self.wire = wire
        self.expectation = expectation
        self.timeout = timeout
        self.interCharacter = interCharacter
        self.turnaround = turnaround
        self.tries = tries
    }
}

/// How to recognise the reply to an EDMI command (reference/edmi.md §2.2: destination, source and sequence echoed).
public enum EdmiExpectation: Hashable, Sendable {
    /// Any plain body.
    case plain
    /// An 'E' body from `meter` to `master` with this sequence number.
    case addressed(meter: UInt32, master: UInt32, sequence: UInt16)
}

/// Reads for one Modbus unit.
public struct ModbusJob: Hashable, Sendable {
    public var unit: UnitAddress
    public var reads: [ModbusRead]
    /// Whole reply, from the last byte sent, microseconds.
    public var timeout: Int64
    /// Silence before each request beyond the 3.5 characters of the line, microseconds.
    public var turnaround: Int64
    /// Times each read is sent before giving up, 1…5.
    public var tries: Int

    public init(unit: UnitAddress, reads: [ModbusRead], timeout: Int64, turnaround: Int64, tries: Int) {
        self.unit = unit
        self.reads = reads
        self.timeout = timeout
        self.turnaround = turnaround
        self.tries = tries
    }
}

/// One read of consecutive registers.
public struct ModbusRead: Hashable, Sendable {
    /// 3 holding registers, 4 input registers; 1, 2 and 5: see `ModbusBits.swift`.
    public var function: UInt8
    public var address: UInt16
    /// 1…125
    public var count: UInt16

    public init(function: UInt8, address: UInt16, count: UInt16) {
        self.function = function
        self.address = address
        self.count = count
    }
}

/// The answer to a `BusRequest`.
public struct BusReply: Hashable, Sendable {
    public var id: UInt64
    public var port: PortID
    public var outcome: BusOutcome
    /// When the last byte of the (last) reply was in, or when the thread gave up.
    public var at: Moment

    public init(id: UInt64, port: PortID, outcome: BusOutcome, at: Moment) {
        self.id = id
        self.port = port
        self.outcome = outcome
        self.at = at
    }
}

/// What came back.
public enum BusOutcome: Hashable, Sendable {
    /// The unescaped frame body, CRC checked and removed; empty for an empty frame.
    case edmi([UInt8])
    /// One result a read, in order.
    case modbus([Result<[UInt16], BusFailure>])
    case contact(ContactState)
    /// True where the input is on, in the order asked.
    case inputs([Bool])
    case failed(BusFailure)
}

/// Why an exchange gave no value.
public enum BusFailure: Error, Hashable, Sendable {
    /// Nothing came in time.
    case timeout
    /// Only damaged frames came.
    case badChecksum
    /// A whole frame came that the protocol does not allow here (unit, function, length).
    case badFrame
    /// A Modbus exception, code 1…255.
    case exception(UInt8)
    /// The device cannot be opened or went away; the text is for people.
    case portDown(String)

    /// The reason a reading is missing because of this failure.
    public var noData: NoData {
        switch self {
        case .timeout: .timeout
        case .badChecksum, .badFrame: .badChecksum
        case .exception(let code): code <= 3 ? .notPresent : .refused
        case .portDown: .portDown
        }
    }
}

/// Baud rate and character format of a serial line.
public struct LineSettings: Hashable, Sendable {
    /// 300…115200
    public var baud: Int
    public var format: CharacterFormat

    public init(baud: Int, format: CharacterFormat) {
        self.baud = baud
        self.format = format
    }

    /// Microseconds × 1000 for one character, start and stop bits included.
    public var nanosecondsPerCharacter: Int64 { Int64(format.bits) * 1_000_000_000 / Int64(baud) }

    /// The silence that ends a Modbus RTU frame: 3.5 characters up to 19200 baud, 1750 µs above
    /// (Modbus over Serial Line v1.02 §2.5.1.1). Microseconds, rounded up.
    public var frameSilence: Int64 { baud > 19_200 ? 1750 : (nanosecondsPerCharacter * 35 + 9999) / 10_000 }
}

/// Data bits, parity and stop bits: `8N1`, `8E1`, `8O1`, `8N2`, `7E1`.
public enum CharacterFormat: String, Hashable, Sendable, CaseIterable {
    case eightNone1 = "8N1"
    case eightEven1 = "8E1"
    case eightOdd1 = "8O1"
    case eightNone2 = "8N2"
    case sevenEven1 = "7E1"

    /// Bits a character, start bit included.
    public var bits: Int {
        switch self {
        case .eightNone1, .sevenEven1: 10
        case .eightEven1, .eightOdd1, .eightNone2: 11
        }
    }
}
