/// One thing that is wrong with a NEM12 or NEM13 file.
public struct Nem12Fault: Error, Hashable, Sendable {
    /// From 1; a CR, an LF or a CRLF ends a line.
    public var line: Int
    /// The field's number in its record, from 1 (1 is the record indicator); 0 when the whole line or file is meant.
    public var field: Int
    public var rule: Nem12Rule
    /// What is wrong and what is allowed.
    public var message: String

    public init(line: Int, field: Int, rule: Nem12Rule, message: String) {
        self.line = line
        self.field = field
        self.rule = rule
        self.message = message
    }
}

/// The rules that a file is held to. The raw values are stable: scripts may look for them.
public enum Nem12Rule: String, Sendable, CaseIterable {
    /// Plain ASCII without byte order mark; not UTF-16, not an archive.
    case encoding
    /// No control characters.
    case control
    /// No quotation marks: a field cannot be quoted.
    case quotes
    /// A line has at most 16,384 bytes.
    case lineLength = "line-length"
    /// No empty lines.
    case blankLine = "blank-line"
    /// The first field is 100, 200, 300, 400, 500, 900 (NEM12) or 100, 250, 550, 900 (NEM13).
    case record
    /// `100 (200 (300 400* 500*)+)+ 900`, or `100 (250 550*)+ 900`.
    case order
    /// The first record is a 100.
    case headerMissing = "header-missing"
    /// The last record is a 900: without it a file may be cut.
    case endMissing = "end-missing"
    /// Nothing follows the 900.
    case afterEnd = "after-end"
    /// A file is NEM12 or NEM13, never both.
    case mixedVersions = "mixed-versions"
    /// A file has data between its 100 and its 900, and a 200 has at least one 300.
    case noData = "no-data"
    /// A record has exactly its number of fields.
    case fieldCount = "field-count"
    /// A mandatory field is filled.
    case missing
    /// A field is not longer, and a fixed one not shorter, than the format says.
    case width
    case version
    /// CCYYMMDD, a real date.
    case date
    /// CCYYMMDDhhmm or CCYYMMDDhhmmss, a real time.
    case dateTime = "date-time"
    /// Ten capitals and digits without I and O.
    case nmi
    /// The check digit is not part of the NMI.
    case nmiCheckDigit = "nmi-check-digit"
    /// The NMI configuration is suffixes joined, and holds the record's own.
    case configuration
    case suffix
    case unit
    /// A stream's letter says which quantity it carries.
    case unitForSuffix = "unit-for-suffix"
    /// 5, 15 or 30 minutes.
    case intervalLength = "interval-length"
    /// Digits with at most one point: no sign, no exponent, no spaces.
    case value
    /// No negative values.
    case valueSign = "value-sign"
    /// At most nine digits before the point and six after it.
    case valueSize = "value-size"
    /// A, E, F, N, S or V; V on a 300 only.
    case quality
    /// E, F and S have a known method number; A, N and V have none.
    case method
    /// 0…99; F and S have one, V has none.
    case reason
    /// Reason 0 has a description; V has none.
    case reasonDescription = "reason-description"
    /// Actual and substituted values have an update time.
    case updateTime = "update-time"
    /// 1 ≤ start ≤ end ≤ number of intervals.
    case range
    /// 400 records under a V cover every interval.
    case rangeGap = "range-gap"
    /// 400 records are in order and none covers an interval twice.
    case rangeOverlap = "range-overlap"
    /// A V has 400 records.
    case rangeMissing = "range-missing"
    /// 400 records stand under a V; under an A only with reason 61, 79 or 89.
    case rangeUnderQuality = "range-under-quality"
    /// One 300 for a stream and a day.
    case duplicateDay = "duplicate-day"
    /// A C D E G N O R S.
    case transaction
    /// Digits with at most one point, leading zeros kept.
    case indexRead = "index-read"
    /// I or E.
    case direction
    /// A previous read is not an estimate.
    case previousEstimate = "previous-estimate"
    /// The current read is not before the previous one.
    case readOrder = "read-order"
    /// So many streams and days that duplicates can no longer be found in bounded memory.
    case tooMany = "too-many"
}
