import Metering

/// Load survey of an Atlas (Mk7, Mk10): the D8xx registers tell the layout, `F` reads records (reference/edmi.md §6.2).
struct AtlasSurvey: EdmiSurveyReader, Hashable {
    private enum Stage: Hashable {
        case info(EdmiRegisterReader)
        case channels(EdmiRegisterReader, count: Int)
        case read
        case check(EdmiRegisterReader)
    }

    private static let mostChannels = 32

    private let order: EdmiSurveyOrder
    /// 0 or 1: how the meter counts its surveys.
    private let index: UInt32
    private var stage: Stage
    private var window = 0..<Int64(0)
    private var origin: Int64 = 0
    private var interval: Int64 = 0
    private(set) var layout: EdmiSurveyLayout?
    var cursor: EdmiSurveyCursor?
    private(set) var failure: EdmiFailure?

    init(_ order: EdmiSurveyOrder) {
        self.order = order
        layout = order.layout
        index = order.survey == 2 ? 1 : 0
        if !(1...2).contains(order.survey) { failure = .malformed("there is no survey \(order.survey); use 1 or 2") }
        stage = .info(
            EdmiRegisterReader([
                (0xD806 + index, .hexShort), (0xD802 + index, .long), (0xD804 + index, .long),
                (0xD8B0 + index, .timeAndDate),
            ]))
    }

    mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        while failure == nil {
            switch stage {
            case .info(var reader):
                let command = reader.command(&facts)
                stage = .info(reader)
                if let command { return command }
                takeInfo(reader)
            case .channels(var reader, let count):
                let command = reader.command(&facts)
                stage = .channels(reader, count: count)
                if let command { return command }
                takeChannels(reader, count: count)
            case .check(var reader):
                let command = reader.command(&facts)
                stage = .check(reader)
                if let command { return command }
                takeCheck(reader)
            case .read:
                guard let cursor, let layout, !cursor.isDone else { return nil }
                guard !cursor.wantsCheck else {
                    stage = .check(EdmiRegisterReader([(0xD802 + index, .long)]))
                    continue
                }
                return .surveyRead(
                    log: UInt8(truncatingIfNeeded: index), from: UInt32(truncatingIfNeeded: cursor.next),
                    count: cursor.count(width: layout.recordWidth, most: facts.maxDataBytes), width: layout.recordWidth)
            }
        }
        return nil
    }

    mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        if case .read = stage { return takeRecords(data) }
        var fits = false
        withReader { fits = $0.receive(data, &facts) }
        // At once, so that confirmed records can be taken after this reply.
        if case .check(let reader) = stage, reader.isDone { takeCheck(reader) }
        return fits
    }

    mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        if case .read = stage {
            failure = .refused(refusal)
        } else {
            withReader { $0.refuse(refusal, &facts) }
        }
    }

    private mutating func withReader(_ body: (inout EdmiRegisterReader) -> Void) {
        switch stage {
        case .info(var reader):
            body(&reader)
            stage = .info(reader)
        case .channels(var reader, let count):
            body(&reader)
            stage = .channels(reader, count: count)
        case .check(var reader):
            body(&reader)
            stage = .check(reader)
        case .read: return
        }
    }

    // MARK: Layout

    private mutating func takeInfo(_ reader: EdmiRegisterReader) {
        guard let word = reader.integer(0, in: 0...0xFFFF) else {
            return failure = reader.failure(0, "the survey's channel count")
        }
        let count = Int(word & 0x3F)
        interval = (word >> 6 & 0x3F) * 60
        guard (1...Self.mostChannels).contains(count), interval > 0 else {
            return failure = .malformed("the survey's channel count or interval has an impossible value")
        }
        guard let first = reader.integer(1, in: 0...Int64(Int32.max)),
            let last = reader.integer(2, in: 0...Int64(Int32.max))
        else { return failure = reader.failure(1, "the survey's first or last entry") }
        guard first <= last, last - first <= EdmiSurveyCursor.mostRecords else {
            return failure = .malformed("the survey's first and last entry contradict each other")
        }
        guard case .time(let origin)? = reader.value(3) else {
            return failure = reader.failure(3, "the time of the survey's entry 0")
        }
        self.origin = origin.seconds
        window = first..<last
        if let layout, layout.channels.count == count, layout.intervalSeconds == interval { return begin() }
        layout = nil
        stage = .channels(AtlasSurveyChannels.reader(index, count: count), count: count)
    }

    private mutating func takeChannels(_ reader: EdmiRegisterReader, count: Int) {
        switch AtlasSurveyChannels.read(reader, count: count) {
        case .failure(let reason): failure = reason
        case .success(let channels):
            layout = EdmiSurveyLayout(
                survey: order.survey, intervalSeconds: interval, recordWidth: 2 * count + 1, channels: channels,
                statusOffset: nil)
            begin()
        }
    }

    private mutating func begin() {
        cursor = EdmiSurveyCursor(
            stored: window, origin: origin, interval: interval, after: order.after, through: order.through,
            start: order.startRecord)
        stage = .read
    }

    // MARK: Records

    private mutating func takeCheck(_ reader: EdmiRegisterReader) {
        guard let first = reader.integer(0, in: 0...Int64(Int32.max)) else {
            return failure = reader.failure(0, "the survey's first entry")
        }
        stage = .read
        // An entry's number may come to mean another entry when old ones go.
        if cursor?.check(start: first, restartIfMoved: true) == false {
            failure = .malformed("the survey's buffer rolls faster than it can be read")
        }
    }

    /// start32 count16 data: the reply's own start and count hold, which may differ from the request's.
    private mutating func takeRecords(_ data: ArraySlice<UInt8>) -> Bool {
        guard data.count >= 6, let cursor, let layout else { return false }
        let start = Int64(data.bigEndian(at: 0) as UInt32)
        let count = Int(data.bigEndian(at: 4) as UInt16)
        let content = data.dropFirst(6)
        guard count >= 1, content.count == count * layout.recordWidth else {
            failure = .malformed("a survey block's count, width and length contradict each other")
            return true
        }
        // Nothing new: a late reply to an earlier request.
        guard start + Int64(count) > cursor.next, start < cursor.end else { return false }
        var records: [EdmiSurveyRecord] = []
        for offset in 0..<count {
            let number = start + Int64(offset)
            guard number >= cursor.next, number < cursor.end else { continue }
            let from = content.startIndex + offset * layout.recordWidth
            let (values, status) = layout.decode(content[from..<(from + layout.recordWidth)])
            records.append(
                EdmiSurveyRecord(
                    number: number, stamp: CivilTime(seconds: origin + number * interval), values: values,
                    status: status))
        }
        self.cursor?.add(records, upTo: min(start + Int64(count), cursor.end))
        return true
    }
}

extension EdmiCommand {
    /// `F` and a digit: `count` records from number `start`. Logs 0 and 1 are load surveys, 2… event logs.
    static func surveyRead(log: UInt8, from start: UInt32, count: UInt16, width: Int) -> EdmiCommand {
        var bytes: [UInt8] = [0x46, 0x30 + log, 0x00]
        let echo = bytes
        bytes.appendBigEndian(start)
        bytes.appendBigEndian(count)
        return EdmiCommand(
            bytes, echo: echo, replyLength: 16 + Int(count) * width, label: "read \(count) records from \(start)")
    }
}
