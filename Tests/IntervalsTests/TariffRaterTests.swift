import Intervals
import Metering
import Testing

@Suite struct TariffRaterTests {
    private func wattHours(_ wh: Int64) -> Int64 { wh * 1_000_000 }

    /// Prepayment model, case 1: 3.250 kWh at 41.20 p and 7.480 kWh at 17.95 p; a micro-unit is 10^-6 of a pound.
    @Test func charge_timeOfUse_isExact() throws {
        let tariff = try TariffSample.tariff(
            #"{"bands": [{"name": "peak", "rate_micro": 412000}, {"name": "off", "rate_micro": 179500}],"#
                + #" "times": [{"band": "peak", "from": "16:00", "to": "19:00"}]}"#)
        let rater = Rater(tariff, zone: .fixed(0))
        var state = rater.initial
        let noon = try TariffSample.instant("2026-03-02T12:00:00Z")
        _ = try rater.charge(wattHours(3250), endingAt: noon + 5 * 3600, state: &state)
        _ = try rater.charge(wattHours(7480), endingAt: noon, state: &state)
        #expect(rater.total(state) == 2_681_660)
    }

    /// Case 2: 12.345 kWh over a block of 8 kWh; and 0.250 kWh from 7.900.
    @Test func charge_overABlock_isSplitAtTheThreshold() throws {
        let rater = Rater(try TariffSample.tariff(TariffSample.blocks), zone: .fixed(0))
        let noon = try TariffSample.instant("2026-03-02T12:00:00Z")
        var state = rater.initial
        _ = try rater.charge(wattHours(12_345), endingAt: noon, state: &state)
        // 309.95375 p is 3.0995375, rounded down to the micro-unit for each line: 1.72 and 1.379537.
        #expect(state.lines.map(\.amountMicro) == [1_720_000, 1_379_537])
        state = rater.initial
        _ = try rater.charge(wattHours(7900), endingAt: noon, state: &state)
        let before = try #require(rater.total(state))
        let charges = try rater.charge(wattHours(250), endingAt: noon + 300, state: &state)
        #expect(charges.map(\.quantity) == [wattHours(100), wattHours(150)])
        #expect(try #require(rater.total(state)) - before == 69_125)
    }

    /// 3600 J in a watt-hour; what rounding leaves is carried in every unit.
    @Test(
        arguments: [
            ("kWh", 200_000, 200_000), ("Wh", 200, 200_000), ("MWh", 200_000_000, 200_000), ("MJ", 100_000, 360_000),
            ("GJ", 100_000_000, 360_000), ("MJ", 1, 3), ("GJ", 7_777_777, 27_999),
        ] as [(String, Int64, Int64)])
    func charge_inEveryUnitOfEnergy_isExact(_ unit: String, _ rate: Int64, _ kilowattHour: Int64) throws {
        let rater = Rater(
            try TariffSample.tariff(#"{"unit": "\#(unit)", "bands": [{"name": "all", "rate_micro": \#(rate)}]}"#),
            zone: .fixed(0))
        let noon = try TariffSample.instant("2026-03-02T12:00:00Z")
        var whole = rater.initial
        _ = try rater.charge(wattHours(1000), endingAt: noon, state: &whole)
        var pieces = rater.initial
        for _ in 0..<1000 { _ = try rater.charge(wattHours(1), endingAt: noon, state: &pieces) }
        #expect(rater.total(whole) == kilowattHour && rater.total(pieces) == kilowattHour)
    }

    @Test func charge_byWhatIsNoEnergy_isAFault() throws {
        let rater = Rater(
            try TariffSample.tariff(#"{"unit": "m3", "bands": [{"name": "all", "rate_micro": 1}]}"#), zone: .fixed(0))
        var state = rater.initial
        let fault = #expect(throws: RatingFault.self) { try rater.charge(1, endingAt: 0, state: &state) }
        #expect(fault == .notEnergy && state == rater.initial)
    }

    @Test func charge_atMidnight_resetsTheBlock() throws {
        let rater = Rater(try TariffSample.tariff(TariffSample.blocks), zone: TariffSample.london)
        var state = rater.initial
        // 23:00 UTC is midnight in London's summer: the interval that ends there is the old day's.
        let midnight = try TariffSample.instant("2026-07-01T23:00:00Z")
        _ = try rater.charge(wattHours(8000), endingAt: midnight, state: &state)
        let late = try rater.charge(wattHours(1), endingAt: midnight, state: &state)
        let early = try rater.charge(wattHours(1), endingAt: midnight + 300, state: &state)
        #expect(late.map(\.band) == [1] && early.map(\.band) == [0])
        rater.forget(before: midnight + 300, state: &state)
        let again = try rater.charge(wattHours(7999), endingAt: midnight + 600, state: &state)
        #expect(again.map(\.band) == [0])
    }

    /// Case 11: no drift. 288 intervals of 0.0075 kWh at 24.37 p are 52.6392 p.
    @Test func charge_inManyPieces_losesNothing() throws {
        let rater = Rater(
            try TariffSample.tariff(#"{"bands": [{"name": "all", "rate_micro": 243700}], "vat_bp": 500}"#),
            zone: .fixed(0))
        var state = rater.initial
        let start = try TariffSample.instant("2026-03-02T00:00:00Z")
        for number in 1...288 {
            _ = try rater.charge(7_500_000, endingAt: start + Int64(number) * 300, state: &state)
        }
        #expect(state.lines[0].amountMicro == 526_392)
        #expect(rater.total(state) == 552_711)
    }

    @Test(arguments: [TariffSample.timeOfUse, TariffSample.blocks, TariffSample.both])
    func charge_howeverAdvancesAreSplit_totalIsTheSame(_ text: String) throws {
        let rater = Rater(try TariffSample.tariff(text), zone: TariffSample.london)
        let start = try TariffSample.instant("2026-02-25T00:00:00Z")
        var generator = SeededGenerator(31)
        var whole = rater.initial
        var split = rater.initial
        for number in 1...(48 * 8) {
            let end = start + Int64(number) * 1800
            let energy = Int64.random(in: 0...1_500_000_000, using: &generator)
            _ = try rater.charge(energy, endingAt: end, state: &whole)
            var rest = energy
            while rest > 0 {
                let part = min(rest, Int64.random(in: 1...400_000_001, using: &generator))
                _ = try rater.charge(part, endingAt: end, state: &split)
                rest -= part
            }
        }
        #expect(whole == split)
    }

    @Test func charge_whenTooLargeOrNegative_isRefused() throws {
        let rater = Rater(
            try TariffSample.tariff(#"{"bands": [{"name": "all", "rate_micro": 1000000000000}]}"#), zone: .fixed(0))
        var state = rater.initial
        #expect(throws: RatingFault.negative) { try rater.charge(-1, endingAt: 0, state: &state) }
        #expect(throws: RatingFault.tooLarge) {
            for _ in 0..<2000 { _ = try rater.charge(.max, endingAt: 0, state: &state) }
        }
    }

    @Test(
        arguments: [TariffSample.timeOfUse, TariffSample.blocks, TariffSample.both],
        [ZoneRules.market, TariffSample.london])
    func series_equalsASlowComputation(_ text: String, _ zone: ZoneRules) throws {
        let tariff = try TariffSample.tariff(text)
        var generator = SeededGenerator(77)
        var rating = SeriesRating(tariff, zone: zone)
        var slow = SlowBill(tariff, zone)
        var reactive: Int64 = 0
        // Two charged streams of different lengths over both changes of the clock and a leap day, one stream after
        // the other; and one that is not charged.
        for (suffix, minutes, unit) in [("E1", 5, "kWh"), ("E2", 30, "Wh"), ("Q1", 15, "kVArh")] {
            for date in ["20260225", "20260328", "20260329", "20260330", "20261025", "20261026", "20280229"] {
                let count = 1440 / minutes
                let values = (0..<count).map { _ in Int64.random(in: 0...3_000_000, using: &generator) }
                try Self.feed(&rating, suffix, unit, minutes, date, values)
                let day = try #require(Self.day(date))
                for (index, value) in values.enumerated() {
                    let end = day * 86_400 - 36_000 + Int64((index + 1) * minutes * 60)
                    switch suffix {
                    case "E1": slow.add(microWh: value * 1000, end: end, minutes: minutes)
                    case "E2": slow.add(microWh: value, end: end, minutes: minutes)
                    default: reactive += value * 1000
                    }
                }
            }
        }
        let account = try #require(rating.accounts.first)
        #expect(rating.accounts.count == 1)
        #expect(account.state.lines.map(\.amountMicro) == slow.amounts)
        #expect(account.state.standing.amountMicro == slow.standing)
        #expect(rating.rater.total(account.state) == slow.total)
        #expect(account.others.map(\.quantity) == [Int128(reactive)])
    }

    private static func day(_ date: String) -> Int64? {
        guard let number = Int(date) else { return nil }
        return CivilTime(year: number / 10_000, month: number / 100 % 100, day: number % 100).seconds / 86_400
    }

    /// Passes a day through a file and the reader.
    private static func feed(
        _ rating: inout SeriesRating, _ suffix: String, _ unit: String, _ minutes: Int, _ date: String,
        _ values: [Int64], _ trailer: String = "A,,,20290101000000,", _ after: String = ""
    ) throws {
        struct Feeder: Nem12Handler {
            var rating: SeriesRating
            var fault: RatingFault?
            var faults = 0
            mutating func day(_ day: Nem12Day) {
                do throws(RatingFault) { try rating.add(day) } catch { fault = error }
            }
            mutating func fault(_ fault: Nem12Fault) { faults += 1 }
        }
        var feeder = Feeder(rating: rating)
        var reader = Nem12Reader()
        let texts = values.map { value in
            let fraction = String(1_000_000 + value % 1_000_000).dropFirst()
            return "\(value / 1_000_000).\(fraction)"
        }
        let text =
            "\(Nem12Sample.header)\n200,1110029035,E1E2Q1,,\(suffix),,M,\(unit),\(minutes),\n"
            + "300,\(date),\(texts.joined(separator: ",")),\(trailer)\n\(after)900\n"
        reader.feed(Array(text.utf8), to: &feeder)
        reader.finish(to: &feeder)
        if let fault = feeder.fault { throw fault }
        #expect(feeder.faults == 0)
        rating = feeder.rating
    }

    @Test func series_whenIntervalsAreNull_doesNotChargeThem() throws {
        var rating = SeriesRating(
            try TariffSample.tariff(#"{"bands": [{"name": "all", "rate_micro": 1000000}]}"#), zone: .market)
        let values = [Int64](repeating: 1_000_000, count: 48)
        try Self.feed(
            &rating, "E1", "kWh", 30, "20260301", values, "V,,,20290101000000,", "400,1,40,A,,\n400,41,48,N,78,\n")
        #expect(rating.accounts[0].state.lines[0].amountMicro == 40_000_000)
        #expect(rating.accounts[0].nullIntervals == 8)
    }

    @Test func series_chargesTheStandingChargeOnceForADay() throws {
        var rating = SeriesRating(
            try TariffSample.tariff(
                #"{"bands": [{"name": "all", "rate_micro": 0}], "standing_micro_per_day": 536800}"#), zone: .market)
        for suffix in ["E1", "E2"] {
            for date in ["20260301", "20260302", "20260303"] {
                try Self.feed(&rating, suffix, "kWh", 30, date, [Int64](repeating: 0, count: 48))
            }
        }
        // Case 9: three days at 53.68 p.
        #expect(rating.rater.total(rating.accounts[0].state) == 1_610_400)
    }
}
