import Metering

/// Something an Atlas meter logged by itself (reference/edmi.md §6.4).
public struct EdmiEvent: Hashable, Sendable {
    /// Counts from the log's first entry ever.
    public var number: Int64
    public var code: UInt16
    /// The meter's own standard time; nil where the entry carries data in its place, and for "never".
    public var stamp: CivilTime?

    /// The six bytes of an entry, least significant first.
    init(number: Int64, _ bytes: ArraySlice<UInt8>) {
        self.number = number
        code = bytes.littleEndian(at: 0)
        // 7xxx and 8xxx continue the entry before them.
        let holdsTime = code & 0xF000 != 0x7000 && code & 0xF000 != 0x8000
        stamp = holdsTime ? EdmiTime.time(secondsSince1996: bytes.littleEndian(at: 2)) : nil
    }

    /// What happened, as a stable word.
    public var text: String {
        switch code {
        case 0x1000...0x100F: "power_off"
        case 0x1010...0x101F: "power_on"
        case 0x1020...0x102F: "parameters_recovered"
        case 0x1030...0x103F: "parameters_lost"
        case 0x1040...0x104F: "run_time_statistics"
        case 0x1050...0x105F: "ripple_code"
        case 0x1060...0x1FFF: "relay"
        case 0x2000...0x207F: "log_on"
        case 0x2080: "bad_password"
        case 0x2081: "log_off"
        case 0x2082: "log_off_inactivity"
        case 0x2083: "log_off_lost_connection"
        case 0x2084: "log_off_other_login"
        case 0x2085, 0x2086: "log_off_register"
        case 0x3000...0x30FF: "error_flag"
        case 0x4000...0x40FF: "firmware_changed"
        case 0x7000...0x8FFF: "data"
        case 0xA000...0xAFFF: "setup_changed"
        default: "unknown"
        }
    }
}

/// Reads the newest entries of an Atlas event log; `GeniusEventTask` is for the other dialect.
public struct EdmiEventTask: EdmiTask, Hashable {
    /// The logs of an Atlas meter.
    public enum Log: UInt8, Hashable, Sendable, CaseIterable {
        case system = 0
        case setup, tamper, trigger, diagnostic
    }

    private static let width = 6

    public var progress = EdmiTaskProgress()
    public private(set) var failure: EdmiFailure?
    /// Oldest first.
    public private(set) var events: [EdmiEvent] = []
    private let log: Log
    private let after: Int64
    private let most: Int64
    private var range: EdmiRegisterReader
    private var window: Range<Int64>?

    /// Entries with numbers above `after`, at most the newest `most` (1…1000).
    public init(log: Log, after: Int64 = -1, most: Int64 = 200) {
        self.log = log
        self.after = after
        self.most = min(max(most, 1), 1000)
        let index = UInt32(log.rawValue)
        range = EdmiRegisterReader([(0xD815 + index, .long), (0xD81A + index, .long)])
    }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        guard facts.dialect == .atlas else {
            failure = .refused(.notImplemented)
            return nil
        }
        if window == nil {
            if let command = range.command(&facts) { return command }
            takeRange()
        }
        guard failure == nil, let window, !window.isEmpty else { return nil }
        let count = min(Int64(facts.maxDataBytes / Self.width), Int64(window.count))
        return .surveyRead(
            log: 2 + log.rawValue, from: UInt32(truncatingIfNeeded: window.lowerBound),
            count: UInt16(truncatingIfNeeded: count), width: Self.width)
    }

    private mutating func takeRange() {
        guard let first = range.integer(0, in: 0...Int64(Int32.max)),
            let last = range.integer(1, in: 0...Int64(Int32.max))
        else { return failure = range.failure(0, "the event log's first or last entry") }
        guard first <= last else {
            return failure = .malformed("the event log's first and last entry contradict each other")
        }
        window = min(max(first, after + 1, last - most), last)..<last
    }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        guard let window else { return range.receive(data, &facts) }
        guard data.count >= 6 else { return false }
        let start = Int64(data.bigEndian(at: 0) as UInt32)
        let count = Int(data.bigEndian(at: 4) as UInt16)
        let content = data.dropFirst(6)
        guard count >= 1, content.count == count * Self.width else {
            failure = .malformed("an event block's count and length contradict each other")
            return true
        }
        let reached = start + Int64(count)
        guard reached > window.lowerBound, start < window.upperBound else { return false }
        for offset in 0..<count where window.contains(start + Int64(offset)) {
            let from = content.startIndex + offset * Self.width
            events.append(EdmiEvent(number: start + Int64(offset), content[from..<(from + Self.width)]))
        }
        self.window = min(reached, window.upperBound)..<window.upperBound
        return true
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        if window == nil {
            range.refuse(refusal, &facts)
        } else {
            failure = .refused(refusal)
        }
    }
}
