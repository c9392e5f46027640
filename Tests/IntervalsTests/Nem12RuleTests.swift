import Intervals
import Testing

/// A file with one thing wrong, and where that must be found.
struct Nem12Defect: CustomTestStringConvertible, Sendable {
    var name: String
    var text: String
    /// `line:field rule`
    var marks: [String]
    var testDescription: String { name }

    init(_ name: String, _ text: String, _ marks: String...) {
        self.name = name
        self.text = text
        self.marks = marks
    }

    /// A file of one stream with one day; `trailer` and `values` go into its 300, `after` follows it.
    static func day(
        _ name: String, _ trailer: String = "A,,,20260301093000,", values: [Int: String] = [:],
        date: String = "20260228", count: Int = 48, after: [String] = [], _ marks: String...
    ) -> Nem12Defect {
        let lines =
            [Nem12Sample.header, Nem12Sample.stream]
            + [Nem12Sample.day(date, trailer, values: values, count: count)] + after + ["900"]
        var defect = Nem12Defect(name, lines.map { $0 + "\r\n" }.joined())
        defect.marks = marks
        return defect
    }

    static func stream(_ name: String, _ record: String, _ marks: String...) -> Nem12Defect {
        var defect = Nem12Defect(name, Nem12Sample.file(record, Nem12Sample.day()))
        defect.marks = marks
        return defect
    }

    static func nem13(_ name: String, _ from: String, _ to: String, _ marks: String...) -> Nem12Defect {
        let text = Nem12Sample.nem13(Nem12Sample.reading, "550,N,,A,S1")
        var defect = Nem12Defect(name, text.replacing(from, with: to))
        defect.marks = marks
        return defect
    }
}

@Suite struct Nem12RuleTests {
    @Test(arguments: frame + streams + values + qualities + ranges + transactions + accumulation)
    func read_whenARuleIsBroken_saysWhereAndWhich(_ defect: Nem12Defect) {
        let record = Nem12Record.read(defect.text)
        #expect(record.marks == defect.marks)
        #expect(record.faults.allSatisfy { !$0.message.isEmpty && $0.message.utf8.count < 240 })
    }

    /// What `nemreader` 0.9.2 takes without a word (measured, `strict=True`).
    @Test(arguments: lenient)
    func read_whenALenientParserAccepts_refuses(_ defect: Nem12Defect) {
        let record = Nem12Record.read(defect.text)
        #expect(record.marks == defect.marks)
    }

    private static let header = Nem12Sample.header + "\r\n"
    private static let body = Nem12Sample.stream + "\r\n" + Nem12Sample.day() + "\r\n"

    static let lenient: [Nem12Defect] = [
        Nem12Defect("missing 900", header + body, "3:0 end-missing"),
        .day(
            "gap in 400s", "V,,,20260301093000,", after: ["400,1,20,A,,", "400,25,48,S14,76,"], "5:2 range-gap"),
        .day("400s end early", "V,,,20260301093000,", after: ["400,1,20,A,,"], "4:3 range-gap"),
        .day(
            "overlapping 400s", "V,,,20260301093000,", after: ["400,1,20,A,,", "400,20,48,S14,76,"],
            "5:2 range-overlap"),
        .day("V in a 400", "V,,,20260301093000,", after: ["400,1,48,V,,"], "4:4 quality"),
        .day("quality Z99", "Z99,,,20260301093000,", "3:51 quality"),
        .stream("UOM foo", "200,1110029035,E1,1,E1,N1,METER1,foo,30,", "2:8 unit"),
        .day("negative value", values: [7: "-0.25"], "3:9 value-sign"),
        .day("exponent", values: [48: "1e-1"], "3:50 value"),
        .stream("NMI of 11", "200,11100290359,E1,1,E1,N1,METER1,kWh,30,", "2:2 nmi-check-digit"),
        Nem12Defect(
            "day twice", Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day(), Nem12Sample.day()),
            "4:2 duplicate-day"),
        .day("blank UpdateDateTime", "A,,,,", "3:54 update-time"),
    ]

    static let frame: [Nem12Defect] = [
        Nem12Defect("empty file", "", "1:0 header-missing"),
        Nem12Defect("nothing inside", header + "900\r\n", "2:0 no-data"),
        Nem12Defect("no 100", body + "900\r\n", "1:0 header-missing"),
        Nem12Defect(
            "second 100", header + body + header + body.replacing("0228", with: "0227") + "900\r\n", "4:1 order"),
        Nem12Defect(
            "second file behind", header + body + "900\r\n" + header + body.replacing("0228", with: "0227") + "900\r\n",
            "5:1 after-end"),
        Nem12Defect("record after 900", header + body + "900\r\n" + body, "5:1 after-end", "6:1 after-end"),
        Nem12Defect("300 without 200", header + Nem12Sample.day() + "\r\n900\r\n", "2:1 order"),
        Nem12Defect("400 without 300", Nem12Sample.file(Nem12Sample.stream, "400,1,2,A,,"), "3:1 order", "2:0 no-data"),
        Nem12Defect("500 without 300", Nem12Sample.file(Nem12Sample.stream, "500,S,,,"), "3:1 order", "2:0 no-data"),
        Nem12Defect("200 without 300", Nem12Sample.file(Nem12Sample.stream), "2:0 no-data"),
        .day(
            "400 after 500", "V,,,20260301093000,", after: ["500,S,,,", "400,1,48,A,,"], "5:1 order",
            "3:51 range-missing"),
        Nem12Defect(
            "250 in NEM12", Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day(), Nem12Sample.reading),
            "4:1 mixed-versions"),
        Nem12Defect("unknown record", Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day(), "600,1"), "4:1 record"),
        Nem12Defect("cut line", Nem12Sample.file(Nem12Sample.stream, Nem12Sample.day(), "0.1,0.2"), "4:1 record"),
        Nem12Defect("blank line", Nem12Sample.file(Nem12Sample.stream, "", Nem12Sample.day()), "3:0 blank-line"),
        Nem12Defect(
            "long line",
            Nem12Sample.file(
                Nem12Sample.stream, Nem12Sample.day(), "500,S," + String(repeating: "x", count: 20_000) + ",,"),
            "4:0 line-length"),
        Nem12Defect("commas behind 900", header + body + "900,,\r\n", "4:0 field-count"),
        Nem12Defect("UTF-8 mark", "\u{FEFF}" + header + body + "900\r\n", "1:1 encoding"),
        Nem12Defect("UTF-8 mark and more", "\u{FEFF}" + header + body + "x\r\n900\r\n", "1:1 encoding", "4:1 record"),
        Nem12Defect("UTF-16", "1\0" + "0\0" + "0\0", "1:1 encoding"),
        Nem12Defect("archive", "PK\u{3}\u{4}" + header, "1:1 encoding"),
        Nem12Defect("version", (header + body + "900\r\n").replacing("NEM12", with: "NEM14"), "1:2 version"),
        Nem12Defect("header fields", (header + body + "900\r\n").replacing(",RET1", with: ""), "1:0 field-count"),
        Nem12Defect(
            "header time", (header + body + "900\r\n").replacing("202603010930,", with: "202603012430,"),
            "1:3 date-time"),
        Nem12Defect(
            "participant", (header + body + "900\r\n").replacing("MDP1,RET1", with: ",PARTICIPANT"), "1:4 missing",
            "1:5 width"),
    ]

    static let streams: [Nem12Defect] = [
        .stream("fields", "200,1110029035,E1,1,E1,N1,METER1,kWh,30", "2:0 field-count"),
        .stream("NMI letter", "200,111002903O,E1,1,E1,N1,METER1,kWh,30,", "2:2 nmi"),
        .stream("NMI short", "200,111,E1,1,E1,N1,METER1,kWh,30,", "2:2 nmi"),
        .stream("NMI with wrong check digit", "200,11100290358,E1,1,E1,N1,METER1,kWh,30,", "2:2 nmi"),
        .stream("NMI missing", "200,,E1,1,E1,N1,METER1,kWh,30,", "2:2 missing"),
        .stream("configuration missing", "200,1110029035,,1,E1,N1,METER1,kWh,30,", "2:3 missing"),
        .stream("configuration odd", "200,1110029035,E1B,1,E1,N1,METER1,kWh,30,", "2:3 configuration"),
        .stream("configuration without suffix", "200,1110029035,B1,1,E1,N1,METER1,kWh,30,", "2:3 configuration"),
        .stream("suffix", "200,1110029035,E1,1,EO,N1,METER1,kWh,30,", "2:5 suffix"),
        .stream("suffix short", "200,1110029035,E1,1,E,N1,METER1,kWh,30,", "2:5 width"),
        .stream("register long", "200,1110029035,E1,12345678901,E1,N1,METER1,kWh,30,", "2:4 width"),
        .stream("data stream short", "200,1110029035,E1,1,E1,N,METER1,kWh,30,", "2:6 width"),
        .stream("serial long", "200,1110029035,E1,1,E1,N1,METER67890123,kWh,30,", "2:7 width"),
        .stream("unit missing", "200,1110029035,E1,1,E1,N1,METER1,,30,", "2:8 missing"),
        .stream("unit of another quantity", "200,1110029035,Q1,1,Q1,,METER1,kWh,30,", "2:8 unit-for-suffix"),
        .stream("interval length", "200,1110029035,E1,1,E1,N1,METER1,kWh,10,", "2:9 interval-length"),
        .stream("interval length padded", "200,1110029035,E1,1,E1,N1,METER1,kWh,030,", "2:9 interval-length"),
        .stream("next read", "200,1110029035,E1,1,E1,N1,METER1,kWh,30,20260230", "2:10 date"),
        .stream("quotes", "200,1110029035,\"E1\",1,E1,N1,METER1,kWh,30,", "2:3 quotes"),
        .stream("not ASCII", "200,1110029035,E1,1,E1,N1,MÉTER1,kWh,30,", "2:7 encoding"),
        .stream("tab", "200,1110029035,E1,1,E1,N1,MET\t,kWh,30,", "2:7 control"),
        Nem12Defect(
            "300 of another length under a faulty 200",
            Nem12Sample.file("200,111,E1,1,E1,N1,METER1,kWh,15,", Nem12Sample.day()), "2:2 nmi", "3:0 field-count"),
    ]

    static let values: [Nem12Defect] = [
        .day("too few", count: 47, "3:0 field-count"),
        .day("too many", count: 49, "3:0 field-count"),
        .day("missing", values: [1: ""], "3:3 missing"),
        .day("words", values: [2: "abc"], "3:4 value"),
        .day("space", values: [2: " 1.5"], "3:4 value"),
        .day("plus", values: [2: "+1.5"], "3:4 value-sign"),
        .day("minus inside", values: [2: "1-5"], "3:4 value"),
        .day("two points", values: [2: "1.5.0"], "3:4 value"),
        .day("point at the end", values: [2: "15."], "3:4 value"),
        .day("only a point", values: [2: "."], "3:4 value"),
        .day("colon instead of ten", values: [2: "0.:50"], "3:4 value"),
        .day("slash", values: [2: "0./50"], "3:4 value"),
        .day("exponent without digits", values: [2: "e5"], "3:4 value"),
        .day("seven decimals", values: [2: "0.1234567"], "3:4 value-size"),
        .day("ten digits", values: [2: "1234567890"], "3:4 value-size"),
        .day("high bit", values: [2: "0.2\u{B5}0"], "3:4 encoding"),
        .day("NUL", values: [2: "0.2\00"], "3:4 control"),
        .day("several", values: [2: "x", 5: "-1", 48: ""], "3:4 value", "3:7 value-sign", "3:50 missing"),
        .day("date", date: "20260229", "3:2 date"),
        .day("date with letters", date: "2026022X", "3:2 date"),
        .day("date short", date: "260228", "3:2 date"),
        .day("date missing", date: "", "3:2 missing"),
    ]

    static let qualities: [Nem12Defect] = [
        .day("quality missing", ",,,20260301093000,", "3:51 missing"),
        .day("quality in small letters", "a,,,20260301093000,", "3:51 quality"),
        .day("A with method", "A14,,,20260301093000,", "3:51 method"),
        .day("N with method", "N14,,,20260301093000,", "3:51 method"),
        .day("S without method", "S,76,,20260301093000,", "3:51 method"),
        .day("S with unknown method", "S26,76,,20260301093000,", "3:51 method"),
        .day("S with half a method", "S1,76,,20260301093000,", "3:51 method"),
        .day("E without method", "E,,,20260301093000,", "3:51 method"),
        .day("S without reason", "S14,,,20260301093000,", "3:52 reason"),
        .day("F without reason", "F14,,,20260301093000,", "3:52 reason"),
        .day("reason 100", "S14,100,,20260301093000,", "3:52 reason"),
        .day("reason in words", "S14,no,,20260301093000,", "3:52 reason"),
        .day("reason 0 without words", "S14,0,,20260301093000,", "3:53 reason-description"),
        .day("words too long", "S14,1," + String(repeating: "x", count: 241) + ",20260301093000,", "3:53 width"),
        .day("V with reason", "V,79,,20260301093000,", after: ["400,1,48,A,,"], "3:52 reason"),
        .day("V with words", "V,,why,20260301093000,", after: ["400,1,48,A,,"], "3:53 reason-description"),
        .day("update time", "A,,,20260301093060,", "3:54 date-time"),
        .day("update time short", "A,,,202603010930,", "3:54 date-time"),
        .day("load time", "A,,,20260301093000,2026", "3:55 date-time"),
        .day("S without update time", "S14,76,,,", "3:54 update-time"),
        .day("V without update time", "V,,,,", after: ["400,1,2,A,,", "400,3,48,N,,"], "3:54 update-time"),
    ]

    static let ranges: [Nem12Defect] = [
        .day("V alone", "V,,,20260301093000,", "3:51 range-missing"),
        .day("end beyond the day", "V,,,20260301093000,", after: ["400,1,49,A,,"], "4:3 range"),
        .day("end before start", "V,,,20260301093000,", after: ["400,5,4,A,,"], "4:3 range", "4:2 range-gap"),
        .day("start 0", "V,,,20260301093000,", after: ["400,0,48,A,,"], "4:2 range"),
        .day("start missing", "V,,,20260301093000,", after: ["400,,48,A,,"], "4:2 range"),
        .day("fields", "V,,,20260301093000,", after: ["400,1,48,A,"], "4:0 field-count"),
        .day("first gap", "V,,,20260301093000,", after: ["400,2,48,A,,"], "4:2 range-gap"),
        .day("S without reason", "V,,,20260301093000,", after: ["400,1,48,S14,,"], "4:5 reason"),
        .day("under A without its reasons", after: ["400,1,4,A,76,"], "4:4 range-under-quality"),
        .day("under A no reason at all", after: ["400,1,4,A,,", "400,5,48,A,,"], "4:4 range-under-quality"),
        .day("S under A", after: ["400,1,4,S14,79,"], "4:4 range-under-quality"),
        .day("under S", "S14,76,,20260301093000,", after: ["400,1,4,A,79,"], "4:4 range-under-quality"),
        .day(
            "out of order", "V,,,20260301093000,", after: ["400,21,48,A,,", "400,1,20,S14,76,"], "4:2 range-gap"),
        .day("under a faulty 300", "V,9,,20260301093000,", after: ["400,1,99,A,,"], "3:52 reason", "4:3 range"),
    ]

    static let transactions: [Nem12Defect] = [
        .day("500 code", after: ["500,X,,,"], "4:2 transaction"),
        .day("500 order", after: ["500,S,S234567890123456,,"], "4:3 width"),
        .day("500 time", after: ["500,S,,20260228,"], "4:4 date-time"),
        .day("500 index", after: ["500,S,,,12x"], "4:5 index-read"),
        .day("500 fields", after: ["500,S,,"], "4:0 field-count"),
    ]

    static let accumulation: [Nem12Defect] = [
        .nem13("250 fields", ",20260108100333,", ",20260108100333", "2:0 field-count"),
        .nem13("250 quantity", ",1312.1,", ",-1312.1,", "2:19 value-sign"),
        .nem13("250 direction", ",METER1,E,", ",METER1,X,", "2:8 direction"),
        .nem13("250 previous estimate", ",A,,,007", ",E62,,,007", "2:11 previous-estimate"),
        .nem13("250 order of reads", ",20260107100333,", ",20250107100333,", "2:15 read-order"),
        .nem13("250 read", ",007654.9,", ",7 654,", "2:14 index-read"),
        .nem13("250 V", ",A,,,007", ",V,,,007", "2:11 quality"),
        .nem13("250 suffix", ",1,11,11,", ",1,E1,11,", "2:5 suffix"),
        .nem13("250 configuration", ",1141,1,11,", ",4142,1,11,", "2:3 configuration"),
        .nem13("250 update time", ",20260108100333,", ",,", "2:22 update-time"),
        .nem13("250 unit", ",kWh,", ",kilo,", "2:20 unit"),
        .nem13("550 code", "550,N", "550,Z", "3:2 transaction"),
        .nem13("550 fields", "550,N,", "550,N", "3:0 field-count"),
        .nem13("550 without 250", Nem12Sample.reading + "\r\n", "", "2:1 order"),
        .nem13("200 in NEM13", "550,N,,A,S1", Nem12Sample.stream, "3:1 mixed-versions"),
    ]
}
