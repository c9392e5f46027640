import Metering

/// One interval of the load survey as the meter stored it.
public struct EdmiSurveyRecord: Hashable, Sendable {
    /// Counts from the meter's first record ever.
    public var number: Int64
    /// In the meter's own standard time. Whether it is the interval's start or end is the configuration's matter.
    public var stamp: CivilTime
    /// One for each channel of the layout, in its unit.
    public var values: [Result<DecimalValue, MissingValue>]
    public var status: EdmiSurveyStatus

    public init(
        number: Int64, stamp: CivilTime, values: [Result<DecimalValue, MissingValue>], status: EdmiSurveyStatus
    ) {
        self.number = number
        self.stamp = stamp
        self.values = values
        self.status = status
    }
}

/// What the meter says about an interval: the bits of a Genius record's status; an Atlas one's are translated
/// (reference/edmi.md §6.1, §6.2).
public struct EdmiSurveyStatus: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The meter could not read its own registers.
    public static let failedRead = EdmiSurveyStatus(rawValue: 1 << 0)
    /// There is no data: the meter was off, or the record is filler.
    public static let missing = EdmiSurveyStatus(rawValue: 1 << 1)
    public static let powerFailed = EdmiSurveyStatus(rawValue: 1 << 2)
    public static let incomplete = EdmiSurveyStatus(rawValue: 1 << 3)
    public static let daylightSaving = EdmiSurveyStatus(rawValue: 1 << 4)
    public static let calibrationLost = EdmiSurveyStatus(rawValue: 1 << 5)
    public static let frequencyFailure = EdmiSurveyStatus(rawValue: 1 << 6)
    /// The meter's error flags were set.
    public static let flagged = EdmiSurveyStatus(rawValue: 1 << 7)
    public static let badRecord = EdmiSurveyStatus(rawValue: 1 << 8)

    /// Whether the record's values count as values.
    public var hasValues: Bool { isDisjoint(with: [.failedRead, .missing, .badRecord]) }

    /// The flags that are set, as stable words, in order of their bits.
    public var texts: [String] {
        let words = [
            "failed_read", "missing", "power_failed", "incomplete", "daylight_saving", "calibration_lost",
            "frequency_failure", "flagged", "bad_record",
        ]
        return words.indices.filter { rawValue & 1 << $0 != 0 }.map { words[$0] }
    }

    /// From an Atlas status byte, whose bit 0 is 1 for a good record.
    init(atlas byte: UInt8) {
        var status: EdmiSurveyStatus = byte & 0x01 == 0 ? .missing : []
        if byte & 0x02 != 0 { status.insert(.incomplete) }
        if byte & 0x04 != 0 { status.insert(.powerFailed) }
        if byte & 0x38 != 0 { status.insert(.flagged) }
        self = status
    }
}

/// One channel of a load survey.
public struct EdmiSurveyChannel: Hashable, Sendable {
    /// The meter's own name (Genius), or its definition in words (Atlas, which has no names).
    public var name: String
    /// As printed: `Wh`, `varh`, `V` … or empty.
    public var unit: String
    /// Source register (Genius) or definition word (Atlas), as the meter holds it.
    public var source: UInt32
    /// The cumulative channel it is, in the meter's own sense of direction; nil for any other quantity.
    public var channel: Channel?
    var coding: Coding

    enum Coding: Hashable, Sendable {
        /// `size` bytes at `offset`, most significant first, times `factor`.
        case genius(type: EdmiType, offset: Int, size: Int, factor: DecimalValue)
        /// Energy: 16 bits without sign, times 10^power.
        case counted(power: Int)
        /// Instantaneous: 16 bits with sign, times `factor`.
        case measured(factor: DecimalValue)
        /// We cannot tell what the bytes mean.
        case unreadable(NoData)
    }
}

/// What a load survey holds; a meter keeps it until it is reprogrammed, so it may be kept and given to later tasks.
public struct EdmiSurveyLayout: Hashable, Sendable {
    /// 1…10 (Genius), 1…2 (Atlas).
    public var survey: Int
    public var intervalSeconds: Int64
    /// Bytes of a record, status included.
    public var recordWidth: Int
    public var channels: [EdmiSurveyChannel]
    /// Where a Genius record's status is; nil for Atlas, where it is the last byte.
    var statusOffset: Int?

    /// Takes one record's bytes apart; `bytes` has `recordWidth` of them.
    func decode(_ bytes: ArraySlice<UInt8>) -> (values: [Result<DecimalValue, MissingValue>], status: EdmiSurveyStatus)
    {
        let status =
            if let statusOffset {
                EdmiSurveyStatus(rawValue: bytes.bigEndian(at: statusOffset))
            } else {
                EdmiSurveyStatus(atlas: bytes[bytes.endIndex - 1])
            }
        guard status.hasValues else {
            return (channels.map { _ in .failure(MissingValue(.invalid)) }, status)
        }
        let values = channels.indices.map { index -> Result<DecimalValue, MissingValue> in
            switch channels[index].coding {
            case .genius(let type, let offset, let size, let factor):
                let start = bytes.startIndex + offset
                return Self.number(type, bytes[start..<(start + size)], times: factor)
            case .counted(let power):
                let raw: UInt16 = bytes.littleEndian(at: 2 * index)
                return Self.present(DecimalValue(mantissa: Int64(raw)).scaled(power: power))
            case .measured(let factor):
                let raw: Int16 = bytes.littleEndian(at: 2 * index)
                return Self.present(DecimalValue(mantissa: Int64(raw)).roundedProduct(factor))
            case .unreadable(let reason): return .failure(MissingValue(reason))
            }
        }
        return (values, status)
    }

    private static func present(_ value: DecimalValue?) -> Result<DecimalValue, MissingValue> {
        value.map { .success($0) } ?? .failure(MissingValue(.invalid))
    }

    /// Internal types (reference/edmi.md §4.1, "internal" column); times and texts are no numbers.
    private static func number(
        _ type: EdmiType, _ bytes: ArraySlice<UInt8>, times factor: DecimalValue
    ) -> Result<DecimalValue, MissingValue> {
        let raw: Int64
        switch type {
        case .float: return present(DecimalValue(Float(bitPattern: bytes.bigEndian(at: 0)))?.roundedProduct(factor))
        case .double: return present(DecimalValue(Double(bitPattern: bytes.bigEndian(at: 0)))?.roundedProduct(factor))
        case .boolean, .byte: raw = Int64(bytes.bigEndian(at: 0) as UInt8)
        case .hexShort, .efaString: raw = Int64(bytes.bigEndian(at: 0) as UInt16)
        case .short, .powerFactor: raw = Int64(bytes.bigEndian(at: 0) as Int16)
        case .long, .stringOrLong: raw = Int64(bytes.bigEndian(at: 0) as Int32)
        case .hexLong, .registerNumber, .floatEnergy: raw = Int64(bytes.bigEndian(at: 0) as UInt32)
        case .doubleEnergy, .longLong: raw = bytes.bigEndian(at: 0)
        case .string, .variableSpecial, .none, .time, .date, .special, .timeAndDate, .waveform:
            return .failure(MissingValue(.invalid))
        }
        return present(DecimalValue(mantissa: raw).roundedProduct(factor))
    }

    /// Bytes of a number of `type` in a record; nil where it is none.
    static func recordSize(_ type: EdmiType) -> Int? {
        switch type {
        case .boolean, .byte: 1
        case .hexShort, .efaString, .short, .powerFactor: 2
        case .float, .long, .stringOrLong, .hexLong, .registerNumber, .floatEnergy: 4
        case .double, .doubleEnergy, .longLong: 8
        case .string, .variableSpecial, .none, .time, .date, .special, .timeAndDate, .waveform: nil
        }
    }
}
