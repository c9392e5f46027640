import Metering

/// The 100 record.
public struct Nem12Header: Hashable, Sendable {
    /// The two files of the format.
    public enum Version: String, Sendable {
        case nem12 = "NEM12"
        case nem13 = "NEM13"
    }

    public var version: Version
    /// When the file was made: minutes since 1970 in market time.
    public var created: Int64
    public var from: String
    public var to: String

    /// - Parameters:
    ///   - created: minutes since 1970 in market time.
    ///   - from: participant who sends, 1…10 characters.
    ///   - to: participant who receives, 1…10 characters.
    public init(version: Version = .nem12, created: Int64, from: String, to: String) {
        self.version = version
        self.created = created
        self.from = from
        self.to = to
    }
}

/// The 200 record: the stream that the following days belong to.
public struct Nem12Stream: Hashable, Sendable {
    public var nmi: NMI
    /// All suffixes of the connection point joined, `E1B1Q1K1`.
    public var configuration: String
    public var register: String
    public var suffix: NMISuffix
    public var dataStream: String
    public var serial: String
    public var unit: Nem12Unit
    /// 5, 15 or 30.
    public var minutes: Int
    /// Days since 1970; nil for meters that are read remotely.
    public var nextRead: Int?

    public init(
        nmi: NMI, configuration: String, register: String = "", suffix: NMISuffix, dataStream: String = "",
        serial: String, unit: Nem12Unit, minutes: Int, nextRead: Int? = nil
    ) {
        self.nmi = nmi
        self.configuration = configuration
        self.register = register
        self.suffix = suffix
        self.dataStream = dataStream
        self.serial = serial
        self.unit = unit
        self.minutes = minutes
        self.nextRead = nextRead
    }
}

/// Quality, method and reason of a value.
public struct Nem12Mark: Hashable, Sendable {
    public var quality: QualityFlag
    /// 0 when the quality has none.
    public var method: Int
    /// 0…99; nil when none is given.
    public var reason: Int?
    /// The reason in words; mandatory for reason 0.
    public var text: String

    public init(_ quality: QualityFlag, method: Int = 0, reason: Int? = nil, text: String = "") {
        self.quality = quality
        self.method = method
        self.reason = reason
        self.text = text
    }

    public static let actual = Nem12Mark(.actual)
}

/// Consecutive intervals of a day with one mark.
public struct Nem12Range: Hashable, Sendable {
    /// From 1.
    public var first: Int
    /// Inclusive.
    public var last: Int
    public var mark: Nem12Mark

    public init(first: Int, last: Int, mark: Nem12Mark) {
        self.first = first
        self.last = last
        self.mark = mark
    }

    /// One mark for each interval, made into ranges; equal neighbours become one.
    public static func collapse(_ marks: [Nem12Mark]) -> [Nem12Range] {
        collapse(marks.enumerated().map { Nem12Range(first: $0.offset + 1, last: $0.offset + 1, mark: $0.element) })
    }

    /// Equal neighbours become one.
    public static func collapse(_ ranges: [Nem12Range]) -> [Nem12Range] {
        var result: [Nem12Range] = []
        for range in ranges {
            if let last = result.last, last.mark == range.mark, last.last + 1 == range.first {
                result[result.count - 1].last = range.last
            } else {
                result.append(range)
            }
        }
        return result
    }
}

/// A 300 record with its 400 records: a day of one stream. The values live only while the handler is called.
public struct Nem12Day {
    /// Where the 300 record stands.
    public var line: Int
    public var stream: Nem12Stream
    /// Days since 1970 in market time (UTC+10).
    public var day: Int
    /// Millionths of the stream's unit, one for each interval of the day.
    public var values: UnsafeBufferPointer<Int64>
    /// In order, without gap or overlap, from 1 to the number of values; never V.
    public var ranges: [Nem12Range]
    /// Seconds since 1970 in market time.
    public var updated: Int64?
    /// Seconds since 1970 in market time.
    public var loaded: Int64?

    /// Where the day begins, in seconds since 1970 UTC. Interval *i* (from 0) ends `(i + 1) * minutes` later.
    public var start: Int64 { Int64(day) * 86_400 - MarketTime.offset }
}

/// Market time: UTC+10 all year, no daylight saving.
public enum MarketTime {
    /// Seconds east of UTC.
    public static let offset: Int64 = 36_000

    /// The market day (days since 1970) and the number (from 1) of the interval that ends at `end`; nil when that is no
    /// boundary. The interval that ends at midnight is the last one of the day before.
    /// - Parameter minutes: 5, 15 or 30.
    public static func place(end: WallTime, minutes: Int) -> (day: Int, interval: Int)? {
        let local = end.milliseconds + offset * 1000
        let length = Int64(minutes) * 60_000
        guard length > 0, local.flooredRemainder(by: length) == 0 else { return nil }
        let day = (local - 1).flooredQuotient(by: 86_400_000)
        return (Int(day), Int((local - day * 86_400_000) / length))
    }
}

/// A 500 record: a read for a service order.
public struct Nem12Transaction: Hashable, Sendable {
    public var line: Int
    /// `A C D E G N O R S`
    public var code: String
    public var serviceOrder: String
    /// Seconds since 1970 in market time.
    public var readAt: Int64?
    /// The register's index with its leading zeros.
    public var index: String
}

/// One end of an accumulation period in a 250 record.
public struct Nem13Index: Hashable, Sendable {
    /// With leading zeros, multipliers not applied.
    public var read: String
    /// Seconds since 1970 in market time.
    public var at: Int64
    public var mark: Nem12Mark
}

/// A 250 record: energy between two reads of a register.
public struct Nem13Reading: Hashable, Sendable {
    public var line: Int
    public var nmi: NMI
    public var configuration: String
    public var register: String
    public var suffix: String
    public var dataStream: String
    public var serial: String
    /// Into the network (`I`), not out of it (`E`).
    public var isFeedIn: Bool
    public var previous: Nem13Index
    public var current: Nem13Index
    /// Millionths of the unit, multiplier and rollover included.
    public var quantity: Int64
    public var unit: Nem12Unit
    /// Days since 1970.
    public var nextRead: Int?
    /// Seconds since 1970 in market time.
    public var updated: Int64
    /// Seconds since 1970 in market time.
    public var loaded: Int64?
}

/// Receives what a file holds, in its order. Only records without fault arrive; a day arrives once its 400 records
/// are known.
public protocol Nem12Handler {
    /// The 100 record.
    mutating func header(_ header: Nem12Header)
    /// A 200 record.
    mutating func stream(_ stream: Nem12Stream)
    /// A 300 record with its 400 records.
    mutating func day(_ day: Nem12Day)
    /// A 500 record.
    mutating func transaction(_ transaction: Nem12Transaction)
    /// A 250 record.
    mutating func reading(_ reading: Nem13Reading)
    /// A rule is broken.
    mutating func fault(_ fault: Nem12Fault)
}

extension Nem12Handler {
    /// Not of interest.
    public mutating func header(_ header: Nem12Header) {}
    /// Not of interest.
    public mutating func stream(_ stream: Nem12Stream) {}
    /// Not of interest.
    public mutating func transaction(_ transaction: Nem12Transaction) {}
    /// Not of interest.
    public mutating func reading(_ reading: Nem13Reading) {}
}
