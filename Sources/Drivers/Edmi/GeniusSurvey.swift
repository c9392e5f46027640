import Metering

/// Load survey of a Genius (Mk6): registers `S<<16 | …` tell the layout, FI/FS/FR read the file
/// (reference/edmi.md §6.1).
struct GeniusSurvey: EdmiSurveyReader, Hashable {
    private enum Stage: Hashable {
        /// The survey is not where most meters have it: the meter's own list is asked.
        case find(EdmiExtensionsTask)
        case info(EdmiRegisterReader)
        case range
        case channels(EdmiRegisterReader, count: Int, width: Int, interval: Int64)
        case search(GeniusSurveySearch)
        case read
        case check
    }

    private static let bases: [UInt32] = [
        0x0305, 0x0325, 0x0345, 0x0365, 0x0385, 0x0395, 0x03A5, 0x03B5, 0x03C5, 0x03D5,
    ]
    static let mostChannels: Int64 = 64
    static let widestRecord: Int64 = 2048

    private let order: EdmiSurveyOrder
    private var base: UInt32
    private var isFound = false
    private var stage: Stage
    private var origin: Int64 = 0
    private var stored: Int64 = 0
    private var width = 0
    private(set) var layout: EdmiSurveyLayout?
    var cursor: EdmiSurveyCursor?
    private(set) var failure: EdmiFailure?

    init(_ order: EdmiSurveyOrder) {
        self.order = order
        layout = order.layout
        let isKnown = (1...Self.bases.count).contains(order.survey)
        base = isKnown ? Self.bases[order.survey - 1] << 16 : 0
        if !isKnown { failure = .malformed("there is no survey \(order.survey); use 1 to \(Self.bases.count)") }
        stage = .info(Self.info(base))
    }

    private static func info(_ base: UInt32) -> EdmiRegisterReader {
        EdmiRegisterReader([
            (base | 0xF012, .byte), (base | 0xF014, .long), (base | 0xF018, .short), (base | 0xF020, .timeAndDate),
            (base | 0xF021, .long),
        ])
    }

    private var file: UInt32 { base | 0xF008 }

    mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
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
            case .channels(var reader, let count, let width, let interval):
                let command = reader.command(&facts)
                stage = .channels(reader, count: count, width: width, interval: interval)
                if let command { return command }
                takeChannels(reader, count: count, width: width, interval: interval)
            case .range, .check: return .fileInfo(file)
            case .search(let search): return .fileSearch(file, from: search.start, time: search.time)
            case .read:
                guard let cursor, let layout, !cursor.isDone else { return nil }
                guard !cursor.wantsCheck else {
                    stage = .check
                    continue
                }
                return .fileRead(
                    file, from: UInt32(truncatingIfNeeded: cursor.next),
                    count: cursor.count(width: layout.recordWidth, most: facts.maxDataBytes),
                    width: UInt16(truncatingIfNeeded: layout.recordWidth))
            }
        }
        return nil
    }

    mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        switch stage {
        case .find(var task):
            let fits = task.receive(data, &facts)
            stage = .find(task)
            return fits
        case .info(var reader):
            let fits = reader.receive(data, &facts)
            stage = .info(reader)
            return fits
        case .channels(var reader, let count, let width, let interval):
            let fits = reader.receive(data, &facts)
            stage = .channels(reader, count: count, width: width, interval: interval)
            return fits
        case .range, .check: return takeFileInfo(data)
        case .search(let search): return takeSearch(data, search)
        case .read: return takeRecords(data)
        }
    }

    mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        switch stage {
        case .find(var task):
            task.refuse(refusal, &facts)
            stage = .find(task)
        case .info(var reader):
            reader.refuse(refusal, &facts)
            stage = .info(reader)
        case .channels(var reader, let count, let width, let interval):
            reader.refuse(refusal, &facts)
            stage = .channels(reader, count: count, width: width, interval: interval)
        // Without a search the stamps follow from the first record's alone.
        case .search where refusal != .accessDenied && refusal != .notReady: stage = .read
        case .range, .search, .read, .check: failure = .refused(refusal)
        }
    }

    // MARK: Layout

    private mutating func takeExtensions(_ task: EdmiExtensionsTask) {
        guard let found = task.base(named: "Load_Survey \(order.survey)") else {
            return failure = .refused(.registerNotFound)
        }
        base = found << 16
        isFound = true
        stage = .info(Self.info(base))
    }

    private mutating func takeInfo(_ reader: EdmiRegisterReader) {
        if !isFound, case .failure(let missing)? = reader.items[0].result, missing.reason == .notPresent {
            return stage = .find(EdmiExtensionsTask())
        }
        guard let count = reader.integer(0, in: 1...Self.mostChannels) else {
            return failure = reader.failure(0, "the survey's channel count")
        }
        guard let interval = reader.integer(1, in: 1...86_400) else {
            return failure = reader.failure(1, "the survey's interval")
        }
        guard let width = reader.integer(2, in: 2...Self.widestRecord) else {
            return failure = reader.failure(2, "the survey's record width")
        }
        guard case .time(let origin)? = reader.value(3) else {
            return failure = reader.failure(3, "the time of the survey's first record")
        }
        guard let stored = reader.integer(4, in: 0...Int64(Int32.max)) else {
            return failure = reader.failure(4, "the survey's record counter")
        }
        self.origin = origin.seconds
        self.stored = stored
        self.width = Int(width)
        if let layout, layout.intervalSeconds == interval, layout.recordWidth == Int(width),
            layout.channels.count == Int(count)
        {
            stage = .range
        } else {
            layout = nil
            stage = .channels(
                GeniusSurveyChannels.reader(base, count: Int(count)), count: Int(count), width: Int(width),
                interval: interval)
        }
    }

    private mutating func takeChannels(_ reader: EdmiRegisterReader, count: Int, width: Int, interval: Int64) {
        switch GeniusSurveyChannels.read(reader, count: count, width: width) {
        case .failure(let reason): failure = reason
        case .success(let found):
            layout = EdmiSurveyLayout(
                survey: order.survey, intervalSeconds: interval, recordWidth: width, channels: found.channels,
                statusOffset: found.statusOffset)
            stage = .range
        }
    }

    // MARK: File

    /// `FI`: startRec32 nRec32 recSize16 type8 name NUL.
    private mutating func takeFileInfo(_ data: ArraySlice<UInt8>) -> Bool {
        guard data.count >= 12, data.last == 0, let layout else { return false }
        let start = Int64(data.bigEndian(at: 0) as UInt32)
        guard Int(data.bigEndian(at: 8) as UInt16) == width else {
            failure = .malformed("the survey's file and its registers name different record widths")
            return true
        }
        if stage == .check {
            stage = .read
            if cursor?.check(start: start, restartIfMoved: false) == false {
                failure = .malformed("the survey's buffer rolls faster than it can be read")
            }
            return true
        }
        guard start <= stored, stored - start <= EdmiSurveyCursor.mostRecords else {
            failure = .malformed("the survey's record counters contradict each other")
            return true
        }
        let cursor = EdmiSurveyCursor(
            stored: start..<stored, origin: origin, interval: layout.intervalSeconds, after: order.after,
            through: order.through, start: order.startRecord)
        self.cursor = cursor
        let time = stamp(cursor.next)
        if cursor.isDone {
            stage = .read
        } else if EdmiTime.bytes(time) == nil {
            failure = .malformed("the survey's counters place records outside 1996 to 2049")
        } else {
            stage = .search(GeniusSurveySearch(start: start, record: cursor.next, time: time))
        }
        return true
    }

    private func stamp(_ record: Int64) -> CivilTime {
        CivilTime(seconds: origin + record * (layout?.intervalSeconds ?? 0))
    }

    /// `FS`: foundRec32 dmyhms result8. The meter itself must place the first record where its counters do.
    private mutating func takeSearch(_ data: ArraySlice<UInt8>, _ search: GeniusSurveySearch) -> Bool {
        guard data.count == 11 else { return false }
        let found = Int64(data.bigEndian(at: 0) as UInt32)
        let time = EdmiTime.time(data.dropFirst(4).prefix(6))
        switch data.bigEndian(at: 10) as UInt8 {
        case 0, 2:
            if found == search.record, time == search.time {
                stage = .read
            } else {
                failure = .malformed("the survey's search and its counters place records at different times")
            }
        case 3: stage = .read
        case 1, 4: failure = .malformed("the survey's search finds nothing where its counters say there is data")
        default: failure = .malformed("the survey's search answers with an unknown result")
        }
        return true
    }

    /// `FR`: startRec32 count16 offset16 size16 data; fewer records than asked for are right.
    private mutating func takeRecords(_ data: ArraySlice<UInt8>) -> Bool {
        guard data.count >= 10, let cursor, let layout else { return false }
        guard Int64(data.bigEndian(at: 0) as UInt32) == cursor.next else { return false }
        let count = Int(data.bigEndian(at: 4) as UInt16)
        let offset: UInt16 = data.bigEndian(at: 6)
        let size = Int(data.bigEndian(at: 8) as UInt16)
        let content = data.dropFirst(10)
        guard count >= 1, Int64(count) <= cursor.end - cursor.next, offset == 0, size == layout.recordWidth,
            content.count == count * size
        else {
            failure = .malformed("a survey block's count, width and length contradict each other")
            return true
        }
        let records = (0..<count).map { index -> EdmiSurveyRecord in
            let start = content.startIndex + index * size
            let (values, status) = layout.decode(content[start..<(start + size)])
            let number = cursor.next + Int64(index)
            return EdmiSurveyRecord(number: number, stamp: stamp(number), values: values, status: status)
        }
        self.cursor?.add(records, upTo: cursor.next + Int64(count))
        return true
    }
}

/// The first record wanted and when the counters place it.
struct GeniusSurveySearch: Hashable, Sendable {
    /// Where the search starts.
    var start: Int64
    var record: Int64
    var time: CivilTime
}

extension EdmiCommand {
    /// `FI`: first record, number of records, record size, name of a file.
    static func fileInfo(_ file: UInt32) -> EdmiCommand {
        EdmiCommand(fileHeader(0x49, file), echo: fileHeader(0x49, file), isAmbiguous: true, label: "file info")
    }

    /// `FS`: the record at `time`, searched forwards from record `start`.
    static func fileSearch(_ file: UInt32, from start: Int64, time: CivilTime) -> EdmiCommand {
        var bytes = fileHeader(0x53, file)
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: start))
        bytes.append(contentsOf: EdmiTime.bytes(time) ?? EdmiTime.never)
        bytes.append(1)
        return EdmiCommand(bytes, echo: fileHeader(0x53, file), isAmbiguous: true, label: "file search")
    }

    /// `FR`: `count` whole records from `start`.
    static func fileRead(_ file: UInt32, from start: UInt32, count: UInt16, width: UInt16) -> EdmiCommand {
        var bytes = fileHeader(0x52, file)
        bytes.appendBigEndian(start)
        bytes.appendBigEndian(count)
        bytes.appendBigEndian(UInt16(0))
        bytes.appendBigEndian(width)
        return EdmiCommand(
            bytes, echo: fileHeader(0x52, file), replyLength: 16 + Int(count) * Int(width),
            label: "read \(count) records from \(start)")
    }

    private static func fileHeader(_ letter: UInt8, _ file: UInt32) -> [UInt8] {
        var bytes: [UInt8] = [0x46, letter]
        bytes.appendBigEndian(file)
        return bytes
    }
}
