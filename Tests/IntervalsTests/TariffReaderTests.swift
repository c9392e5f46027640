import Intervals
import Metering
import Testing

@Suite struct TariffReaderTests {
    @Test func read_whenValueIsGood_givesAll() throws {
        let tariff = try TariffSample.tariff(TariffSample.timeOfUse)
        #expect(tariff.id == 1 && tariff.standingMicroPerDay == 536_800 && tariff.vatBasisPoints == 500)
        #expect(tariff.names == ["peak", "night", "day"])
        #expect(tariff.bands.map(\.rateMicro) == [412_000, 89_500, 243_700])
        #expect(
            tariff.windows == [
                Tariff.Window(band: "peak", days: 0x1F, from: 900, to: 1260, season: .init(from: 1101, to: 331)),
                Tariff.Window(band: "night", from: 1410, to: 390),
            ])
        #expect(tariff.validFrom?.textSeconds == "2026-01-01T00:00:00Z" && tariff.blocks == nil)
        #expect(try TariffSample.tariff(TariffSample.both).blocks == .month)
    }

    @Test func read_whenATimeEndsAtMidnight_takesEitherWord() throws {
        for word in ["00:00", "24:00"] {
            let text = TariffSample.timeOfUse.replacing("21:00", with: word).replacing("23:30", with: "00:00")
            let tariff = try TariffSample.tariff(text)
            #expect(tariff.windows.first?.from == 900 && tariff.windows.first?.to == 1440)
        }
    }

    /// Replacements in the time-of-use tariff, and the field that must be named.
    static let wrong: [(String, String, String)] = [
        (#""unit": "kWh""#, #""unit": "stone""#, "unit"),
        (#""tariff_id": 1"#, #""tariff_id": -1"#, "tariff_id"),
        (#""tariff_id": 1"#, #""tariff": 1"#, "tariff"),
        (#""vat_bp": 500"#, #""vat_bp": 10001"#, "vat_bp"),
        (#""vat_bp": 500"#, #""vat_bp": "5""#, "vat_bp"),
        ("536800", "-1", "standing_micro_per_day"),
        ("2026-01-01T00:00:00Z", "soon", "valid_from"),
        (#""name": "peak""#, #""name": "pe ak""#, "bands[0].name"),
        (#""rate_micro": 89500"#, #""rate_micro": -1"#, "bands[1].rate_micro"),
        (#""rate_micro": 89500"#, #""rate_micro": 1000000000001"#, "bands[1].rate_micro"),
        (#""rate_micro": 89500"#, #""rate": 1"#, "bands[1].rate"),
        (#""name": "night""#, #""name": "peak""#, "bands[1].from_quantity_wh"),
        (#""from_quantity_wh": 0"#, #""from_quantity_wh": 5"#, "bands[0].from_quantity_wh"),
        (#""band": "night""#, #""band": "late""#, "times[1].band"),
        (#""mon","tue""#, #""mon","mon""#, "times[0].days"),
        (#""mon","tue""#, #""mon","Tuesday""#, "times[0].days"),
        (#"["mon","tue","wed","thu","fri"]"#, "[]", "times[0].days"),
        ("15:00", "15:60", "times[0].from"),
        ("15:00", "3pm", "times[0].from"),
        ("21:00", "24:01", "times[0].to"),
        ("21:00", "15:00", "times[0].to"),
        ("--11-01", "--11-31", "times[0].season.from"),
        ("--03-31", "03-31", "times[0].season.to"),
        (#""season":"#, #""seasons":"#, "times[0].seasons"),
        ("23:30", "20:59", "times[1]"),
        (#", {"name": "day", "rate_micro": 243700}"#, "", "times"),
        (#"{"name": "day","#, #"{"name": "other", "rate_micro": 1}, {"name": "day","#, "times"),
    ]

    @Test(arguments: wrong)
    func read_whenAFieldIsWrong_namesItAndWhatIsAllowed(_ from: String, _ to: String, _ field: String) throws {
        let text = TariffSample.timeOfUse.replacing(from, with: to, maxReplacements: 1)
        #expect(text != TariffSample.timeOfUse)
        let fault = #expect(throws: TariffFault.self) { try TariffSample.tariff(text) }
        #expect(fault?.field == field)
        #expect(fault?.message.isEmpty == false)
    }

    @Test(arguments: TariffUnit.allCases)
    func read_unitsOfTheVendorsList_areKnown(_ unit: TariffUnit) throws {
        let text = TariffSample.blocks.replacing(#""kWh""#, with: "\"\(unit.rawValue)\"")
        #expect(try TariffSample.tariff(text).unit == unit)
    }

    @Test func read_whenAWindowEndsAtMidnight_bothNamesOfItAreGood() throws {
        let late = TariffSample.timeOfUse.replacing("21:00", with: "00:00").replacing("23:30", with: "00:00")
        #expect(try TariffSample.tariff(late).windows.map(\.to) == [1440, 390])
        let none = late.replacing("15:00", with: "00:00")
        #expect(throws: TariffFault.self) { try TariffSample.tariff(none) }
    }

    @Test func read_whenBlocksAreWrong_namesTheField() throws {
        for (from, to, field) in [
            ("8000", "0", "bands[1].from_quantity_wh"), (#""reset": "day""#, #""reset": "week""#, "blocks.reset"),
            (#""reset": "day""#, #""restart": "day""#, "blocks.restart"),
            (#""from_quantity_wh": 0"#, #""from_quantity_wh": 1"#, "bands[0].from_quantity_wh"),
        ] {
            let text = TariffSample.blocks.replacing(from, with: to)
            let fault = #expect(throws: TariffFault.self) { try TariffSample.tariff(text) }
            #expect(fault?.field == field)
        }
        for text in ["[]", "null", "{}", #"{"bands": []}"#, #"{"bands": 5}"#] {
            #expect(throws: TariffFault.self) { try TariffSample.tariff(text) }
        }
    }

    @Test func read_whenSeasonsShareATime_isNotAnOverlap() throws {
        let text = #"""
            {"bands": [{"name": "a", "rate_micro": 1}, {"name": "b", "rate_micro": 2}, {"name": "c", "rate_micro": 3}],
             "times": [{"band": "a", "from": "10:00", "to": "12:00", "season": {"from": "--04-01", "to": "--09-30"}},
                       {"band": "b", "from": "11:00", "to": "13:00", "season": {"from": "--10-01", "to": "--03-31"}}]}
            """#
        #expect(try TariffSample.tariff(text).windows.count == 2)
        // Going over midnight into another season: the night of 30 September belongs to a.
        let night = text.replacing(#""from": "10:00", "to": "12:00""#, with: #""from": "22:00", "to": "12:00""#)
        let fault = #expect(throws: TariffFault.self) { try TariffSample.tariff(night) }
        #expect(fault?.field == "times[1]")
    }
}
