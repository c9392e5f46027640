import Metering

/// The records of NEM12.
extension Nem12Block {
    mutating func takeHeader(_ text: Nem12Line) {
        place = .header
        hasData = false
        forgetStream()
        version = nil
        guard var record = fields(text, 5, "100") else { return }
        let name = record.text(2, "VersionHeader", 1...5)
        version = Nem12Header.Version(rawValue: name)
        if version == nil, !name.isEmpty {
            record.fail(2, .version, "VersionHeader \(text.shown(record.range(2))); allowed: NEM12, NEM13")
        }
        let created = record.time(3, "DateTime", digits: 12, mandatory: .missing)
        let from = record.text(4, "FromParticipant", 1...10)
        let to = record.text(5, "ToParticipant", 1...10)
        guard judge(record), let version, let created else { return }
        newHeader = Nem12Header(version: version, created: created / 60, from: from, to: to)
        hasNews = true
    }

    mutating func takeStream(_ text: Nem12Line) {
        checkStreamHasDays()
        place = .stream
        streamLine = line
        forgetStream()
        guard var record = fields(text, 10, "200") else { return }
        let nmi = nmi(&record)
        let configuration = record.text(3, "NMIConfiguration", 1...240)
        let register = record.text(4, "RegisterID", 0...10)
        let suffixText = record.text(5, "NMISuffix", 2...2)
        let suffix = suffixText.isEmpty ? nil : suffix(&record, configuration)
        let dataStream = record.text(6, "MDMDataStreamIdentifier", 0...2)
        if dataStream.utf8.count == 1 { record.fail(6, .width, "MDMDataStreamIdentifier has two characters or none") }
        let serial = record.text(7, "MeterSerialNumber", 0...12)
        let unit = unit(&record, 8)
        if let unit, let suffix, !suffix.allows(unit) {
            record.fail(8, .unitForSuffix, "UOM \(unit.rawValue) does not go with the suffix \(suffix)")
        }
        let length = text.integer(record.range(9)) ?? 0
        if [5, 15, 30].contains(length), record.range(9).count <= 2 {
            minutes = length
        } else {
            record.fail(9, .intervalLength, "IntervalLength \(text.shown(record.range(9))); allowed: 5, 15, 30")
        }
        let nextRead = record.day(10, "NextScheduledReadDate", mandatory: false)
        guard judge(record), let nmi, let suffix, let unit else { return }
        let stream = Nem12Stream(
            nmi: nmi, configuration: configuration, register: register, suffix: suffix, dataStream: dataStream,
            serial: serial, unit: unit, minutes: length, nextRead: nextRead)
        self.stream = stream
        streamKey = DayTable.key(nmi, suffixText)
        newStream = stream
        hasNews = true
    }

    func nmi(_ record: inout Nem12Record) -> NMI? {
        let range = record.range(2)
        guard !range.isEmpty else {
            record.fail(2, .missing, "NMI is empty; it has ten characters")
            return nil
        }
        do throws(NMIError) {
            let nmi = try NMI(record.line.text(range))
            guard range.count == 10 else {
                record.fail(2, .nmiCheckDigit, "NMI with its check digit; the file holds the ten characters \(nmi)")
                return nil
            }
            return nmi
        } catch {
            record.fail(2, .nmi, "NMI \(record.line.shown(range)): \(error)")
            return nil
        }
    }

    private func suffix(_ record: inout Nem12Record, _ configuration: String) -> NMISuffix? {
        let shown = record.line.shown(record.range(5))
        guard let suffix = NMISuffix(record.line.text(record.range(5))) else {
            record.fail(5, .suffix, "NMISuffix \(shown); allowed: A-H J-N P-V, then 1-9 A-H J-N P-Z")
            return nil
        }
        guard !configuration.isEmpty else { return suffix }
        guard let list = NMISuffix.list(configuration) else {
            record.fail(3, .configuration, "NMIConfiguration is not suffixes joined, such as E1B1")
            return suffix
        }
        if !list.contains(suffix) {
            record.fail(3, .configuration, "NMIConfiguration does not hold the record's suffix \(suffix)")
        }
        return suffix
    }

    func unit(_ record: inout Nem12Record, _ field: Int) -> Nem12Unit? {
        let text = record.text(field, "UOM", 1...5)
        guard !text.isEmpty else { return nil }
        if let unit = Nem12Unit(anyCase: text) { return unit }
        let allowed = Nem12Unit.allCases.map(\.rawValue).joined(separator: " ")
        record.fail(field, .unit, "UOM \(record.line.shown(record.range(field))); allowed: \(allowed)")
        return nil
    }

    mutating func takeDay(_ text: Nem12Line) {
        place = .day
        hasFaultyDay = true
        guard let minutes else { return }
        let count = 1440 / minutes
        guard let after = readValues(text, count) ?? readEachValue(text, count) else { return }
        if let (updated, loaded) = Self.actualTrailer(text, after), let day = text.day(4..<12) {
            return open(OpenDay(line: line, day: day, count: count, mark: .actual, updated: updated, loaded: loaded))
        }
        guard var fields = trailerFields(text, after, count) else { return }
        let day = fields.day(2, "IntervalDate", mandatory: true)
        let trailer = trailer(&fields, count)
        guard judge(fields), let day, let (mark, updated, loaded) = trailer else { return }
        open(OpenDay(line: line, day: day, count: count, mark: mark, updated: updated, loaded: loaded))
    }

    private mutating func open(_ day: OpenDay) {
        guard isFirst(day.day) else { return }
        hasFaultyDay = false
        openDay = day
    }

    /// The times of `A,,,` and one or two good times, which is what nearly all days end with.
    private static func actualTrailer(_ text: Nem12Line, _ start: Int) -> (updated: Int64, loaded: Int64?)? {
        let length = text.count - start
        guard length == 19 || length == 33, text.base[start] == UInt8(ascii: "A"), text.base[start + 1] == 0x2C,
            text.base[start + 2] == 0x2C, text.base[start + 3] == 0x2C, text.base[start + 18] == 0x2C,
            let updated = text.time((start + 4)..<(start + 18), digits: 14)
        else { return nil }
        if length == 19 { return (updated, nil) }
        return text.time((start + 19)..<(start + 33), digits: 14).map { (updated, $0) }
    }

    /// Whether bytes start with `300,`, eight digits and a comma, under a 200 whose length is known.
    func startsPlainDay(_ text: Nem12Line) -> Bool {
        minutes != nil && text.count > 13 && text.base[0] == UInt8(ascii: "3") && text.base[1] == 48
            && text.base[2] == 48 && text.base[3] == 0x2C && text.base[12] == 0x2C && text.integer(4..<12) != nil
    }

    /// Reads the values of a plain day; gives the number of bytes up to the last value's comma, 0 when it is not plain.
    mutating func readAhead(_ text: Nem12Line) -> Int {
        minutes.flatMap { readValues(text, 1440 / $0) } ?? 0
    }

    /// The place after the last value, or nil when the line is not plain.
    private mutating func readValues(_ text: Nem12Line, _ count: Int) -> Int? {
        if ahead > 0 { return ahead }
        // "300," and the date and its comma.
        guard text.count > 13, text.base[12] == 0x2C else { return nil }
        let (base, end) = (text.base, text.count)
        return values.withUnsafeMutableBufferPointer {
            Nem12Value.read(base, from: 13, to: end, into: $0, count: count)
        }
    }

    /// The five fields after the values, with the date in front of them.
    private mutating func trailerFields(_ text: Nem12Line, _ after: Int, _ count: Int) -> Nem12Record? {
        guard checkCharacters(text, from: after, field: count + 3) else { return nil }
        let trailer = text.fields(from: after)
        guard trailer.count == 5 else {
            wrongDayCount(text, count)
            return nil
        }
        // Fields 1 and 2, then a jump over the values.
        return Nem12Record(text, number: line, fields: [0..<3, 4..<12] + trailer)
    }

    /// QualityMethod, reason and the two times; they are the third to seventh of the record's short fields.
    private func trailer(
        _ record: inout Nem12Record, _ count: Int
    ) -> (mark: Nem12Mark, updated: Int64?, loaded: Int64?)? {
        let before = record.faults.count
        let mark = record.mark(3, name: "QualityMethod", allowsVaries: true)
        let needsUpdate = mark.map { [.actual, .substituted, .finalSubstitute].contains($0.quality) } ?? false
        let updated = record.time(6, "UpdateDateTime", digits: 14, mandatory: needsUpdate ? .updateTime : nil)
        let loaded = record.time(7, "MSATSLoadDateTime", digits: 14, mandatory: nil)
        for index in before..<record.faults.count { record.faults[index].field += count }
        return mark.map { ($0, updated, loaded) }
    }

    private mutating func isFirst(_ day: Int) -> Bool {
        guard stream != nil else { return true }
        switch seen.insert(key: streamKey, day: day) {
        case .new: return true
        case .seen:
            fail(2, .duplicateDay, "IntervalDate stands twice for this NMI and suffix; keep the newest one")
            return false
        case .full:
            if !reportedFull {
                reportedFull = true
                fail(2, .tooMany, "too many streams and days to look for duplicates; cut the file into smaller ones")
            }
            return true
        }
    }

    /// Values that are not plain, one by one; says what is wrong with the first ten, and gives the place after the last
    /// when nothing is.
    private mutating func readEachValue(_ text: Nem12Line, _ count: Int) -> Int? {
        guard checkCharacters(text) else { return nil }
        guard text.fieldCount == count + 7 else {
            wrongDayCount(text, count)
            return nil
        }
        var record = Nem12Record(text, number: line, fields: text.fields())
        // The walk over plain values counts on a date of eight characters.
        if record.range(2).count != 8 { _ = record.day(2, "IntervalDate", mandatory: true) }
        for number in 0..<count where record.faults.count < 10 {
            values[number] = record.value(number + 3, "IntervalValue \(number + 1)") ?? 0
        }
        return judge(record) ? record.range(count + 3).lowerBound : nil
    }

    private mutating func wrongDayCount(_ text: Nem12Line, _ count: Int) {
        fail(
            0, .fieldCount,
            "a 300 of \(1440 / count) minutes has \(count + 7) fields; this has \(text.fieldCount): "
                + "look at the IntervalLength of its 200, and for values lost or added")
    }

    mutating func takeRange(_ text: Nem12Line) {
        place = .range
        guard let day = openDay, !hasFaultyDay else { return checkLooseRange(text) }
        guard var record = fields(text, 6, "400") else { return dropDay() }
        let mark = rangeMark(&record)
        let (first, last) = bounds(&record, count: day.count)
        if let first, first < day.next {
            record.fail(2, .rangeOverlap, "StartInterval \(first) is covered already; it must be \(day.next)")
        } else if let first, first > day.next, day.mark.quality == .varies {
            record.fail(2, .rangeGap, "StartInterval \(first) leaves \(day.next) to \(first - 1) without a quality")
        }
        if let mark, day.mark.quality != .varies, !Self.mayStandUnderActual(mark, day.mark) {
            record.fail(4, .rangeUnderQuality, Self.underQuality(day.mark))
        }
        guard judge(record), let mark, let first, let last else { return dropDay() }
        if first > day.next {
            openDay?.ranges.append(Nem12Range(first: day.next, last: first - 1, mark: day.mark))
        }
        openDay?.ranges.append(Nem12Range(first: first, last: last, mark: mark))
        openDay?.next = last + 1
        openDay?.rangeLine = line
        if day.firstRangeLine == 0 { openDay?.firstRangeLine = line }
        if Self.isEvent(mark) { openDay?.hasEvent = true }
    }

    /// Under a 300 that is faulty itself a 400 can only be checked by itself.
    private mutating func checkLooseRange(_ text: Nem12Line) {
        guard var record = fields(text, 6, "400") else { return }
        _ = rangeMark(&record)
        _ = bounds(&record, count: minutes.map { 1440 / $0 } ?? 288)
        _ = judge(record)
    }

    private func rangeMark(_ record: inout Nem12Record) -> Nem12Mark? {
        record.mark(4, name: "QualityMethod", allowsVaries: false)
    }

    private func bounds(_ record: inout Nem12Record, count: Int) -> (first: Int?, last: Int?) {
        func number(_ field: Int, _ name: String, _ allowed: ClosedRange<Int>) -> Int? {
            let range = record.range(field)
            if range.count <= 4, let value = record.line.integer(range), allowed.contains(value) { return value }
            record.fail(
                field, .range,
                "\(name) \(record.line.shown(range)); allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
            return nil
        }
        let first = number(2, "StartInterval", 1...count)
        return (first, number(3, "EndInterval", (first ?? 1)...count))
    }

    /// Beside the 400s with an event, plain A fills the rest of the day.
    private static func mayStandUnderActual(_ mark: Nem12Mark, _ day: Nem12Mark) -> Bool {
        day.quality == .actual && mark.quality == .actual && (isEvent(mark) || mark.reason == nil)
    }

    private static func isEvent(_ mark: Nem12Mark) -> Bool { [61, 79, 89].contains(mark.reason) }

    private static func underQuality(_ day: Nem12Mark) -> String {
        "a 400 under quality \(day.quality.rawValue); under V any, under A only A, with reason 61, 79 or 89 somewhere"
    }

    mutating func takeTransaction(_ text: Nem12Line) {
        place = .transaction
        guard var record = fields(text, 5, "500") else { return }
        let code = record.transaction(2, "TransCode")
        let order = record.text(3, "RetServiceOrder", 0...15)
        let at = record.time(4, "ReadDateTime", digits: 14, mandatory: nil)
        let index = record.index(5, "IndexRead", mandatory: false)
        guard judge(record) else { return }
        newTransaction = Nem12Transaction(line: line, code: code, serviceOrder: order, readAt: at, index: index)
        hasNews = true
    }

    /// The day that ends before the next 200, 300 or 900 record; nil when there is none or it has a fault.
    mutating func closeDay() -> OpenDay? {
        guard var day = openDay.take() else { return nil }
        if day.mark.quality == .varies {
            guard !day.ranges.isEmpty else {
                fail(
                    day.markField, .rangeMissing, "V without 400 records; they say which interval has which quality",
                    line: day.line)
                return nil
            }
            guard day.next > day.count else {
                let words = "400 records end at \(day.next - 1); \(day.next) to \(day.count) have no quality"
                fail(3, .rangeGap, words, line: day.rangeLine)
                return nil
            }
            let needsUpdate = day.ranges.contains {
                [.actual, .substituted, .finalSubstitute].contains($0.mark.quality)
            }
            if needsUpdate, day.updated == nil {
                fail(
                    day.markField + 3, .updateTime, "UpdateDateTime is empty; it is a time CCYYMMDDhhmmss",
                    line: day.line)
                return nil
            }
        } else if day.firstRangeLine > 0, !day.hasEvent {
            fail(4, .rangeUnderQuality, Self.underQuality(day.mark), line: day.firstRangeLine)
            return nil
        } else if day.next == 1 {
            if wholeDay.first?.last != day.count || wholeDay.first?.mark != day.mark {
                wholeDay = [Nem12Range(first: 1, last: day.count, mark: day.mark)]
            }
            day.ranges = wholeDay
        } else if day.next <= day.count {
            day.ranges.append(Nem12Range(first: day.next, last: day.count, mark: day.mark))
        }
        return day
    }
}
