import Intervals
import Metering
import Testing

@Suite struct Nem12ReaderTests {
    @Test func read_whenFileIsGood_tellsAllAndNoFault() throws {
        let record = Nem12Record.read(Nem12Sample.good)
        #expect(record.marks == [])
        let header = try #require(record.headers.first)
        #expect(header.from == "MDP1" && header.to == "RET1" && header.version == .nem12)
        #expect(header.created * 60 == CivilTime(year: 2026, month: 3, day: 1, hour: 9, minute: 30).seconds)
        #expect(record.streams.map(\.suffix.text) == ["E1", "B1"])
        #expect(record.streams.map(\.unit) == [.kilowattHours, .kilowattHours])
        #expect(record.days.map(\.values.count) == [48, 48, 48, 288])
        #expect(record.days[0].values.allSatisfy { $0 == 250_000 })
        #expect(record.days[0].ranges == [Nem12Range(first: 1, last: 48, mark: .actual)])
        #expect(
            record.days[1].ranges == [
                Nem12Range(first: 1, last: 20, mark: .actual),
                Nem12Range(first: 21, last: 24, mark: Nem12Mark(.substituted, method: 14, reason: 76)),
                Nem12Range(
                    first: 25, last: 48, mark: Nem12Mark(.finalSubstitute, method: 17, reason: 79, text: "Outage")),
            ])
        #expect(Array(record.days[3].values.prefix(5)) == [0, 48_000, 1_234_567_891, 12_000_000, 250_000])
        #expect(record.days[3].updated == nil && record.days[1].loaded != nil)
        #expect(record.transactions.map(\.index) == ["000950.0"])
    }

    @Test func read_whenNem13IsGood_tellsReads() throws {
        let record = Nem12Record.read(Nem12Sample.nem13(Nem12Sample.reading, "550,N,,A,S1"))
        #expect(record.marks == [])
        let reading = try #require(record.readings.first)
        #expect(reading.previous.read == "006342.8" && reading.current.read == "007654.9")
        #expect(reading.quantity == 1_312_100_000 && reading.unit == .kilowattHours && !reading.isFeedIn)
        #expect(reading.current.mark == Nem12Mark(.substituted, method: 61, reason: 4))
    }

    @Test func read_whenASingleRegisterFedIn_takesItsNegativeQuantity() throws {
        let line = Nem12Sample.reading.replacing("METER1,E,", with: "METER1,I,").replacing(
            ",1312.1,", with: ",-1312.1,")
        let record = Nem12Record.read(Nem12Sample.nem13(line))
        #expect(record.marks == [])
        let reading = try #require(record.readings.first)
        #expect(reading.quantity == -1_312_100_000 && reading.isFeedIn)
    }

    @Test(arguments: ["\n", "\r", "\r\n"])
    func read_whenLineEndsDiffer_readsTheSame(_ end: String) {
        let lines = Nem12Sample.good.replacing("\r\n", with: "\n").split(separator: "\n")
        let record = Nem12Record.read(lines.joined(separator: end))
        #expect(record == Nem12Record.read(Nem12Sample.good))
    }

    @Test func read_whenLineEndsAreMixed_readsTheSame() {
        let ends = ["\n", "\r", "\r\n"]
        let lines = Nem12Sample.good.replacing("\r\n", with: "\n").split(separator: "\n")
        let text = lines.enumerated().map { String($0.element) + ends[$0.offset % 3] }.joined()
        #expect(Nem12Record.read(text) == Nem12Record.read(Nem12Sample.good))
    }

    @Test(arguments: [1, 2, 3, 7, 8, 9, 64, 300, 331, 4096])
    func feed_whenCutIntoPieces_tellsTheSame(_ size: Int) {
        let faulty = Nem12Sample.good.replacing(",0.250,0.250,A", with: ",0.250,-0.250,A") + "x"
        for text in [Nem12Sample.good, faulty, "\u{FEFF}" + Nem12Sample.good, faulty.replacing("\r\n", with: "\r")] {
            let bytes = Array(text.utf8)
            #expect(Nem12Record.read(bytes, pieces: size) == Nem12Record.read(bytes))
        }
    }

    @Test func feed_whenCutAtRandom_tellsTheSame() {
        var generator = SeededGenerator(7)
        let bytes = Array((Nem12Sample.good + "900\r\n\r\nnonsense\r" + Nem12Sample.good).utf8)
        let whole = Nem12Record.read(bytes)
        for _ in 0..<200 {
            var record = Nem12Record()
            var reader = Nem12Reader()
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 0...Int.random(in: 1...2000, using: &generator), using: &generator)
                reader.feed(rest.prefix(size), to: &record)
                rest = rest.dropFirst(size)
            }
            reader.finish(to: &record)
            #expect(record == whole)
        }
    }

    @Test func read_whenCutAnywhere_saysThatTheEndIsMissing() {
        let bytes = Array(Nem12Sample.good.utf8)
        for length in 0..<(bytes.count - 5) where length % 3 == 0 {
            let record = Nem12Record.read(Array(bytes[..<length]))
            #expect(!record.faults.isEmpty)
            #expect(record.faults.allSatisfy { $0.line >= 1 && !$0.message.isEmpty })
        }
    }

    @Test func read_whenBytesAreGarbled_neverTrapsAndNeverInventsValues() {
        var generator = SeededGenerator(20)
        let good = Array(Nem12Sample.good.utf8)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(UInt8(ascii: ","), at: place)
                default: bytes[place] = [0x2C, 0x2E, 0x2D, 0x0A, 0x30][Int.random(in: 0...4, using: &generator)]
                }
            }
            let record = Nem12Record.read(bytes)
            for day in record.days {
                #expect(day.values.count == 1440 / day.stream.minutes)
                #expect(day.values.allSatisfy { (0...999_999_999_999_999).contains($0) })
                #expect(day.ranges.first?.first == 1 && day.ranges.last?.last == day.values.count)
            }
        }
    }

    @Test func read_whenRandomBytes_neverTraps() {
        var generator = SeededGenerator(21)
        for _ in 0..<300 {
            let count = Int.random(in: 0...2000, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let record = Nem12Record.read(bytes)
            #expect(!record.faults.isEmpty)
        }
    }

    @Test func read_whenValuesHaveManyForms_isExact() {
        var generator = SeededGenerator(3)
        for _ in 0..<200 {
            var texts: [Int: String] = [:]
            var expected: [Int64] = []
            for number in 1...48 {
                let (text, value) = Self.randomValue(&generator)
                texts[number] = text
                expected.append(value)
            }
            let record = Nem12Record.read(Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day(values: texts)))
            #expect(record.marks == [])
            #expect(record.days.first?.values == expected)
        }
    }

    /// A value's text and its millionths, by a way of its own.
    private static func randomValue(_ generator: inout SeededGenerator) -> (String, Int64) {
        let wholeDigits = Int.random(in: 0...9, using: &generator)
        let decimals = Int.random(in: wholeDigits == 0 ? 1...6 : 0...6, using: &generator)
        let digits = (0..<(wholeDigits + decimals)).map { _ in Int64.random(in: 0...9, using: &generator) }
        var text = digits.prefix(wholeDigits).map(String.init).joined()
        if decimals > 0 { text += "." + digits.suffix(decimals).map(String.init).joined() }
        var value: Int64 = 0
        for digit in digits + [Int64](repeating: 0, count: 6 - decimals) { value = value * 10 + digit }
        return (text, value)
    }

    @Test func read_whenA400StandsUnderA_fillsTheRestOfTheDay() {
        let record = Nem12Record.read(
            Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day(), "400,5,6,A,79,", "400,9,9,A,89,Reset"))
        #expect(record.marks == [])
        #expect(
            record.days.first?.ranges.map { [$0.first, $0.last] } == [[1, 4], [5, 6], [7, 8], [9, 9], [10, 48]])
        #expect(record.days.first?.ranges.map(\.mark.reason) == [nil, 79, nil, 89, nil])
    }

    /// The format has 400s cover the whole day: plain A stands beside the event.
    @Test func read_whenA400sUnderATileTheDay_takesThem() {
        let record = Nem12Record.read(
            Nem12Sample.file(
                Nem12Sample.stream, Nem12Sample.day(), "400,1,4,A,,", "400,5,6,A,79,", "400,7,48,A,,"))
        #expect(record.marks == [])
        #expect(record.days.first?.ranges.map(\.mark.reason) == [nil, 79, nil])
    }

    @Test func day_startsAtMidnightInMarketTime() {
        let record = Nem12Record.read(Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day("20260228")))
        let day = record.days.first?.day ?? 0
        #expect(WallTime(seconds: Int64(day) * 86_400 - MarketTime.offset).textSeconds == "2026-02-27T14:00:00Z")
    }

    @Test(arguments: [5, 15, 30])
    func marketPlace_ofTheEnds_numbersTheWholeDay(_ minutes: Int) throws {
        let record = Nem12Record.read(Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day("20260228")))
        let day = try #require(record.days.first?.day)
        let start = WallTime(seconds: Int64(day) * 86_400 - MarketTime.offset)
        for number in 1...(1440 / minutes) {
            let end = start + Int64(number * minutes) * 60_000
            let place = try #require(MarketTime.place(end: end, minutes: minutes))
            #expect(place == (day, number))
            #expect(MarketTime.place(end: end + 1, minutes: minutes) == nil)
        }
        #expect(try #require(MarketTime.place(end: start, minutes: minutes)) == (day - 1, 1440 / minutes))
    }

    @Test func read_whenManyStreamsAndDays_memoryStaysBoundedAndSaysSo() {
        var record = Nem12Record()
        var reader = Nem12Reader()
        let values = [String](repeating: "0", count: 48).joined(separator: ",")
        reader.feed(Array((Nem12Sample.header + "\n").utf8), to: &record)
        struct Count: Nem12Handler {
            var days = 0
            var rules: [Nem12Rule] = []
            mutating func day(_ day: Nem12Day) { days += 1 }
            mutating func fault(_ fault: Nem12Fault) { rules.append(fault.rule) }
        }
        var count = Count()
        for number in 0..<100_000 {
            let nmi = "A" + String(String(1_000_000_000 + number).dropFirst())
            let lines =
                "200,\(nmi),E1,,E1,N1,M,kWh,30,\n300,20260228,\(values),A,,,20260301093000,\n"
            reader.feed(Array(lines.utf8), to: &count)
        }
        reader.feed(Array("900\n".utf8), to: &count)
        reader.finish(to: &count)
        #expect(count.days == 100_000)
        #expect(count.rules == [.tooMany])
    }
}
