import Metering

/// Something a Genius meter logged by itself: a time and a text.
public struct GeniusEvent: Hashable, Sendable {
    /// Counts from the log's first entry ever.
    public var number: Int64
    /// The meter's own standard time; nil for "never".
    public var stamp: CivilTime?
    public var text: String
}

/// Reads the newest entries of a Genius event log: a survey without an interval, whose channel 1 is the time and
/// channel 2 the text (reference/edmi.md §6.1).
public struct GeniusEventTask: EdmiTask, Hashable {
    private enum Stage: Hashable {
        case find(EdmiExtensionsTask)
        case info(EdmiRegisterReader)
        case channels(EdmiRegisterReader)
        case range
        case read
    }

    /// Where an entry holds its time and its text.
    private struct Fields: Hashable {
        var time: Int
        var text: Range<Int>
    }

    public var progress = EdmiTaskProgress()
    public private(set) var failure: EdmiFailure?
    /// Oldest first.
    public private(set) var events: [GeniusEvent] = []
    private let after: Int64
    private let most: Int64
    private var stage = Stage.find(EdmiExtensionsTask())
    private var base: UInt32 = 0
    private var width = 0
    private var entries: Int64 = 0
    private var fields: Fields?
    private var window = 0..<Int64(0)

    /// Entries with numbers above `after`, at most the newest `most` (1…1000).
    public init(after: Int64 = -1, most: Int64 = 200) {
        self.after = after
        self.most = min(max(most, 1), 1000)
    }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        while failure == nil {
            switch stage {
            case .find(var task):
                let command = task.command(&facts)
                stage = .find(task)
                if let command { return command }
                takeExtensions(task)
            case .info(var reader):
                let command = reader.command(&facts)
                stage = .info(reader)
                if let command { return command }
                takeInfo(reader)
            case .channels(var reader):
                let command = reader.command(&facts)
                stage = .channels(reader)
                if let command { return command }
                takeChannels(reader)
            case .range: return .fileInfo(base | 0xF008)
            case .read:
                guard !window.isEmpty else { return nil }
                let room = max(1, facts.maxDataBytes / max(1, width))
                return .fileRead(
                    base | 0xF008, from: UInt32(truncatingIfNeeded: window.lowerBound),
                    count: UInt16(truncatingIfNeeded: min(Int64(room), Int64(window.count))),
                    width: UInt16(truncatingIfNeeded: width))
            }
        }
        return nil
    }

    private mutating func takeExtensions(_ task: EdmiExtensionsTask) {
        if let reason = task.failure { return failure = reason }
        guard let found = task.base(named: "Event_Log") else {
            return failure = .refused(.registerNotFound)
        }
        base = found << 16
        stage = .info(
            EdmiRegisterReader([(base | 0xF012, .byte), (base | 0xF018, .short), (base | 0xF021, .long)]))
    }

    private mutating func takeInfo(_ reader: EdmiRegisterReader) {
        guard let count = reader.integer(0, in: 2...GeniusSurvey.mostChannels),
            let width = reader.integer(1, in: 6...GeniusSurvey.widestRecord),
            let entries = reader.integer(2, in: 0...Int64(Int32.max))
        else { return failure = .malformed("the event log's layout has an impossible value") }
        _ = count
        self.width = Int(width)
        self.entries = entries
        var wanted: [(address: UInt32, type: EdmiType?)] = []
        for channel: UInt32 in 1...2 {
            wanted += [(base | 0xE100 | channel, .short), (base | 0xE200 | channel, .byte)]
            wanted.append((base | 0xE500 | channel, .short))
        }
        stage = .channels(EdmiRegisterReader(wanted))
    }

    private mutating func takeChannels(_ reader: EdmiRegisterReader) {
        guard reader.integer(0, in: 4...4) != nil,
            reader.integer(1, in: Int64(EdmiType.timeAndDate.rawValue)...Int64(EdmiType.timeAndDate.rawValue)) != nil,
            let time = reader.integer(2, in: 0...Int64(width - 4)), let size = reader.integer(3, in: 1...Int64(width)),
            let text = reader.integer(5, in: 0...(Int64(width) - size))
        else { return failure = .malformed("the event log's first two channels are not a time and a text") }
        fields = Fields(time: Int(time), text: Int(text)..<Int(text + size))
        stage = .range
    }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        switch stage {
        case .find(var task):
            let fits = task.receive(data, &facts)
            stage = .find(task)
            return fits
        case .info(var reader):
            let fits = reader.receive(data, &facts)
            stage = .info(reader)
            return fits
        case .channels(var reader):
            let fits = reader.receive(data, &facts)
            stage = .channels(reader)
            return fits
        case .range: return takeRange(data)
        case .read: return takeEntries(data)
        }
    }

    /// `FI`: startRec32 nRec32 recSize16 type8 name NUL.
    private mutating func takeRange(_ data: ArraySlice<UInt8>) -> Bool {
        guard data.count >= 12, data.last == 0 else { return false }
        let start = Int64(data.bigEndian(at: 0) as UInt32)
        guard start <= entries, Int(data.bigEndian(at: 8) as UInt16) == width else {
            failure = .malformed("the event log's file and its registers contradict each other")
            return true
        }
        window = min(max(start, after + 1, entries - most), entries)..<entries
        stage = .read
        return true
    }

    private mutating func takeEntries(_ data: ArraySlice<UInt8>) -> Bool {
        guard data.count >= 10, let fields, Int64(data.bigEndian(at: 0) as UInt32) == window.lowerBound else {
            return false
        }
        let count = Int(data.bigEndian(at: 4) as UInt16)
        let content = data.dropFirst(10)
        guard count >= 1, count <= window.count, Int(data.bigEndian(at: 8) as UInt16) == width,
            content.count == count * width
        else {
            failure = .malformed("an event block's count, width and length contradict each other")
            return true
        }
        for index in 0..<count {
            let entry = content.dropFirst(index * width).prefix(width)
            let text = entry.dropFirst(fields.text.lowerBound).prefix(fields.text.count).prefix { $0 != 0 }
            events.append(
                GeniusEvent(
                    number: window.lowerBound + Int64(index),
                    stamp: EdmiTime.time(secondsSince1996: entry.bigEndian(at: fields.time)),
                    text: EdmiText.trimmed(EdmiText.printable(text))))
        }
        window = (window.lowerBound + Int64(count))..<window.upperBound
        return true
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        switch stage {
        case .find(var task):
            task.refuse(refusal, &facts)
            stage = .find(task)
        case .info(var reader):
            reader.refuse(refusal, &facts)
            stage = .info(reader)
        case .channels(var reader):
            reader.refuse(refusal, &facts)
            stage = .channels(reader)
        case .range, .read: failure = .refused(refusal)
        }
    }
}
