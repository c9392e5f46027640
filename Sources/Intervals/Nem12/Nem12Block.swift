import Metering

/// What a file says line after line: the order of its records, and the day that is being put together.
struct Nem12Block {
    /// The first field of a line.
    enum Kind {
        case header, stream, day, range, transaction, accumulation, accumulationOrder, end
        case blank, unknown
    }

    /// Records of which a next one may follow.
    enum Place {
        case start, header, stream, day, range, transaction, accumulation, accumulationOrder, end, stopped
    }

    /// A 300 record waiting for its 400 records.
    struct OpenDay {
        var line: Int
        var day: Int
        var count: Int
        var mark: Nem12Mark
        var ranges: [Nem12Range] = []
        /// The first interval that no 400 record has covered yet.
        var next = 1
        /// Where the first and the last 400 record stand.
        var firstRangeLine = 0
        var rangeLine = 0
        /// A 400 record gives one of the reasons for which 400s stand under an A.
        var hasEvent = false
        var updated: Int64?
        var loaded: Int64?
        /// Number of the field QualityMethod.
        var markField: Int { count + 3 }
    }

    var line = 0
    var place = Place.start
    var version: Nem12Header.Version?
    /// The stream that 300 records belong to; nil after a 200 with a fault: its days are checked but not told.
    var stream: Nem12Stream?
    /// Its interval length, known even when something else is wrong with the 200.
    var minutes: Int?
    var streamKey: UInt64 = 0
    var streamLine = 0
    var openDay: OpenDay?
    /// A 300 record with a fault is open: its 400 records are not judged against it.
    var hasFaultyDay = false
    var hasData = false
    var seen = DayTable()
    var reportedFull = false
    var values = [Int64](repeating: 0, count: 288)
    /// How many bytes of the next line are in `values` already.
    var ahead = 0
    /// The ranges of the last day of one mark: mostly the next day's too.
    var wholeDay: [Nem12Range] = []

    // What the handler has not been told yet.
    var hasNews = false
    var faults: [Nem12Fault] = []
    var newHeader: Nem12Header?
    var newStream: Nem12Stream?
    var newTransaction: Nem12Transaction?
    var newReading: Nem13Reading?

    mutating func fail(_ field: Int, _ rule: Nem12Rule, _ message: String, line: Int? = nil) {
        faults.append(Nem12Fault(line: line ?? self.line, field: field, rule: rule, message: message))
        hasNews = true
    }

    mutating func classify(_ line: Nem12Line) -> Kind {
        guard line.count > 0 else { return .blank }
        guard line.count >= 3, line.count == 3 || line.base[3] == 0x2C, let code = line.integer(0..<3) else {
            return .unknown
        }
        switch code {
        case 100: return .header
        case 200: return .stream
        case 300: return .day
        case 400: return .range
        case 500: return .transaction
        case 250: return .accumulation
        case 550: return .accumulationOrder
        case 900: return .end
        default: return .unknown
        }
    }

    mutating func overlongLine() {
        line += 1
        guard place != .stopped else { return }
        fail(0, .lineLength, "the line is longer than \(Nem12Reader.longestLine) bytes: no record is; it is left out")
        if place == .start { place = .header }
    }

    mutating func take(_ text: Nem12Line, _ kind: Kind) {
        line += 1
        defer { ahead = 0 }
        guard place != .stopped else { return }
        if line == 1, starts(text, 0xEF, 0xBB, 0xBF) {
            fail(
                1, .encoding, "the file starts as a UTF-8 byte order mark; save the file as plain ASCII without it")
            let rest = Nem12Line(base: text.base + 3, count: text.count - 3)
            return takeRecord(rest, classify(rest))
        }
        guard line > 1 || !isForeign(text) else { return }
        takeRecord(text, kind)
    }

    private mutating func takeRecord(_ text: Nem12Line, _ kind: Kind) {
        guard kind != .blank else { return fail(0, .blankLine, "the line is empty; take it out") }
        guard kind != .unknown else {
            checkCharacters(text)
            let shown = text.shown(0..<min(text.count, 12))
            if place == .start { missingHeader() }
            return fail(
                1, .record, "the line starts with \(shown), no record of the format; look for a line cut in two")
        }
        if kind != .day, !checkCharacters(text) {
            if kind == .stream { forgetStream() }
            if kind == .range || kind == .transaction { dropDay() }
            if kind == .header || kind == .end || kind == .stream { place(after: kind) }
            return
        }
        guard comesInOrder(kind) else { return }
        switch kind {
        case .header: takeHeader(text)
        case .stream: takeStream(text)
        case .day: takeDay(text)
        case .range: takeRange(text)
        case .transaction: takeTransaction(text)
        case .accumulation: takeAccumulation(text)
        case .accumulationOrder: takeAccumulationOrder(text)
        case .end: takeEnd(text)
        case .blank, .unknown: break
        }
    }

    private mutating func place(after kind: Kind) {
        switch kind {
        case .header: place = .header
        case .stream: place = .stream
        default: place = .end
        }
    }

    private func starts(_ text: Nem12Line, _ bytes: UInt8...) -> Bool {
        text.count >= bytes.count && bytes.indices.allSatisfy { text.base[$0] == bytes[$0] }
    }

    /// UTF-16 or an archive: what people send by mistake. The file is not read on.
    private mutating func isForeign(_ text: Nem12Line) -> Bool {
        let what: String
        if starts(text, 0xFF, 0xFE) || starts(text, 0xFE, 0xFF) || (text.count > 1 && text.base[1] == 0)
            || (text.count > 0 && text.base[0] == 0)
        {
            what = "UTF-16; save the file as plain ASCII"
        } else if starts(text, 0x50, 0x4B, 3, 4) || starts(text, 0x1F, 0x8B) {
            what = "an archive; unpack it and check the file inside"
        } else {
            return false
        }
        fail(1, .encoding, "the file starts as \(what)")
        place = .stopped
        return true
    }

    /// Whether all characters are plain text; 300 records are checked by their own reader.
    @discardableResult
    mutating func checkCharacters(_ text: Nem12Line, from start: Int = 0, field first: Int = 1) -> Bool {
        var field = first
        for index in start..<text.count {
            let byte = text.base[index]
            switch byte {
            case 0x2C: field += 1
            case 0x22:
                fail(field, .quotes, "a quotation mark; fields are not quoted, take it out")
                return false
            case 0x20...0x7E: continue
            case 0x80...0xFF:
                fail(field, .encoding, "a character that is not ASCII (byte \(byte)); save the file as plain ASCII")
                return false
            default:
                fail(field, .control, "a control character (byte \(byte)); take it out")
                return false
            }
        }
        return true
    }

    private mutating func missingHeader() {
        fail(0, .headerMissing, "the file does not begin with a 100 record")
        place = .header
    }

    /// Whether the record may stand here; says why not. After a fault the rest is still read, so that it is checked.
    private mutating func comesInOrder(_ kind: Kind) -> Bool {
        if place == .start, kind != .header { missingHeader() }
        if kind != .header, kind != .end { hasData = true }
        if place == .end {
            let what = kind == .header ? "a second 100" : "another record"
            fail(1, .afterEnd, "\(what) after the 900; one file has one 100 and one 900")
            if kind != .header { return false }
        }
        let needed: Nem12Header.Version? =
            switch kind {
            case .stream, .day, .range, .transaction: .nem12
            case .accumulation, .accumulationOrder: .nem13
            default: nil
            }
        if let needed, let version, needed != version {
            fail(1, .mixedVersions, "a record of \(needed.rawValue) in a \(version.rawValue) file")
            return false
        }
        if let needed { version = needed }
        if let words = Self.misplaced(kind, place) {
            fail(1, .order, words)
            return false
        }
        return true
    }

    private static func misplaced(_ kind: Kind, _ place: Place) -> String? {
        switch (kind, place) {
        case (.header, .start), (.header, .end): nil
        case (.header, _): "a 100 inside the file; it stands first and once"
        case (.day, .header): "a 300 without a 200 before it"
        case (.range, .day), (.range, .range): nil
        case (.range, .transaction): "a 400 after a 500; 400 records follow their 300 first"
        case (.range, _): "a 400 without a 300 before it"
        case (.transaction, .day), (.transaction, .range), (.transaction, .transaction): nil
        case (.transaction, _): "a 500 without a 300 before it"
        case (.accumulationOrder, .accumulation), (.accumulationOrder, .accumulationOrder): nil
        case (.accumulationOrder, _): "a 550 without a 250 before it"
        default: nil
        }
    }

    /// Fields of a record, or nil with a fault when their number is wrong.
    mutating func fields(_ text: Nem12Line, _ count: Int, _ name: String) -> Nem12Record? {
        let found = text.fieldCount
        guard found == count else {
            let more = found > count ? "take the commas at the end out" : "an empty field keeps its comma"
            fail(0, .fieldCount, "a \(name) record has \(count) fields; this has \(found): \(more)")
            return nil
        }
        return Nem12Record(text, number: line, fields: text.fields())
    }

    /// Whether the record is without fault.
    mutating func judge(_ record: Nem12Record) -> Bool {
        guard !record.faults.isEmpty else { return true }
        faults += record.faults
        hasNews = true
        return false
    }

    mutating func forgetStream() {
        stream = nil
        minutes = nil
    }

    mutating func dropDay() {
        openDay = nil
        hasFaultyDay = true
    }

    private mutating func takeEnd(_ text: Nem12Line) {
        if text.count > 3 { _ = fields(text, 1, "900") }
        checkStreamHasDays()
        if !hasData { fail(0, .noData, "nothing between the 100 and the 900") }
        place = .end
    }

    mutating func checkStreamHasDays() {
        if place == .stream { fail(0, .noData, "a 200 without a 300 after it", line: streamLine) }
    }

    mutating func endOfFile() {
        switch place {
        case .end, .stopped: return
        case .start: fail(0, .headerMissing, "the file is empty", line: 1)
        default:
            checkStreamHasDays()
            fail(0, .endMissing, "the file ends without a 900 record; it may be cut: get it again", line: max(line, 1))
        }
    }
}
