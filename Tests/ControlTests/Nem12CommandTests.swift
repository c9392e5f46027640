import Foundation
import Metering
import Testing

/// `meterside nem12 …`, the real program.
@Suite struct Nem12CommandTests {
    private static let head = "100,NEM12,202603010930,MDP1,RET1\r\n200,1110029035,E1B1,1,E1,N1,METER1,kWh,30,\r\n"

    private static func day(_ date: String, _ value: String = "0.250", first: String = "0.250") -> String {
        let values = [first] + [String](repeating: value, count: 47)
        return "300,\(date),\(values.joined(separator: ",")),A,,,20260301093000,\r\n"
    }

    private static func file(_ text: String, in folder: TemporaryFolder, _ name: String = "data.csv") throws -> String {
        let path = folder.file(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func check_whenFileIsGood_saysSo() throws {
        let folder = try TemporaryFolder()
        let path = try Self.file(Self.head + Self.day("20260227") + Self.day("20260228") + "900\r\n", in: folder)
        let said = try Program.run(Program.meterside, ["nem12", "check", path])
        #expect(said.status == 0 && said.errors.isEmpty)
        #expect(said.output.contains(": good\n") && said.output.contains("1 NMI, 2 days (2026-02-27 to 2026-02-28)"))
        let json = try Program.run(Program.meterside, ["nem12", "check", path, "--json"])
        #expect(
            json.output == #"{"ok":true,"nmis":1,"days":2,"readings":96,"fault_count":0,"faults":[]}"# + "\n")
    }

    @Test func check_whenFileHasFaults_endsWithFiveAndSaysWhere() throws {
        let folder = try TemporaryFolder()
        let text = Self.head + Self.day("20260227", first: "-1") + Self.day("20260228", first: "\u{1B}[31m") + "900\r\n"
        let path = try Self.file(text, in: folder)
        let said = try Program.run(Program.meterside, ["nem12", "check", path])
        #expect(said.status == 5)
        #expect(said.output.contains("line 3, field 3: IntervalValue 1 \"-1\" has a sign"))
        #expect(said.output.contains("line 4, field 3:") && !said.output.contains("\u{1B}"))
        #expect(said.output.components(separatedBy: "\n").dropFirst().allSatisfy { $0.count <= 80 })
        let json = try JSONReader.read(
            try Program.run(Program.meterside, ["nem12", "check", path, "--json"]).output)
        #expect(json["ok"] == false && json["faults"]?.array?.count == 2)
        let fault = try #require(json["faults"]?.array?.first)
        #expect(fault["line"] == 3 && fault["field"] == 3 && fault["rule"] == "value-sign")
    }

    @Test func check_ofStandardInput_readsAPipe() throws {
        let text = Self.head + Self.day("20260225") + "900\r\n"
        let good = try Program.run(Program.meterside, ["nem12", "check", "-", "--json"], input: text)
        #expect(good.status == 0 && good.output.contains("\"readings\":48"), "\(good)")
        let cut = try Program.run(Program.meterside, ["nem12", "check", "-"], input: Self.head)
        #expect(cut.status == 5 && cut.output.contains("no-data"), "\(cut)")
    }

    @Test func check_report_isOnePageThatNeedsNothingElse() throws {
        let folder = try TemporaryFolder()
        let text = Self.head + Self.day("20260225") + Self.day("20260228") + Self.day("20260228") + "900\r\n"
        let path = try Self.file(text, in: folder, "<b>&.csv")
        let page = folder.file("page.html")
        let said = try Program.run(Program.meterside, ["nem12", "check", path, "--report", page])
        #expect(said.status == 5)
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.hasPrefix("<!DOCTYPE html>") && html.hasSuffix("</html>\n"))
        #expect(html.contains("<svg ") && html.contains("no record for 2 days") && html.contains("duplicate-day"))
        #expect(html.contains("&lt;b&gt;&amp;.csv") && !html.contains("<b>"))
        #expect(!html.contains("http") && !html.contains("<script") && !html.contains("src="))
        // An existing file is not touched.
        let again = try Program.run(Program.meterside, ["nem12", "check", path, "--report", page])
        #expect(again.status == 2 && again.errors.contains("exists already"))
    }

    private static let tariff = #"""
        {"standing_micro_per_day": 536800, "vat_bp": 1000,
         "bands": [{"name": "peak", "rate_micro": 400000}, {"name": "off", "rate_micro": 100000}],
         "times": [{"band": "peak", "from": "16:00", "to": "20:00"}]}
        """#

    @Test func rate_givesTheBillOfEachConnectionPoint() throws {
        let folder = try TemporaryFolder()
        let path = try Self.file(Self.head + Self.day("20260227") + "900\r\n", in: folder)
        let tariff = try Self.file(Self.tariff, in: folder, "tariff.json")
        let json = try Program.run(Program.meterside, ["nem12", "rate", path, "--tariff", tariff, "--json"])
        #expect(json.status == 0)
        // 8 half hours of 0.25 kWh at 0.40, 40 at 0.10, 0.5368 a day, and a tenth of it all.
        #expect(
            json.output
                == #"[{"nmi":"1110029035","lines":["#
                + #"{"what":"peak","quantity_wh":2000,"rate_micro":400000,"amount_micro":800000},"#
                + #"{"what":"off","quantity_wh":10000,"rate_micro":100000,"amount_micro":1000000},"#
                + #"{"what":"standing","quantity_wh":null,"days":1,"rate_micro":536800,"amount_micro":536800},"#
                + #"{"what":"vat","quantity_wh":null,"rate_micro":null,"amount_micro":233680}],"#
                + #""total_micro":2570480,"null_intervals":0}]"# + "\n")
        let text = try Program.run(Program.meterside, ["nem12", "rate", path, "--tariff", tariff])
        #expect(text.output.contains("NMI 1110029035") && text.output.contains("2.57048"))
    }

    @Test func rate_whenSomethingIsWrong_saysWhatToDo() throws {
        let folder = try TemporaryFolder()
        let good = try Self.file(Self.head + Self.day("20260227") + "900\r\n", in: folder)
        let bad = try Self.file(Self.head + Self.day("20260227"), in: folder, "bad.csv")
        let tariff = try Self.file(Self.tariff, in: folder, "tariff.json")
        let wrong = try Self.file(Self.tariff.replacing("16:00", with: "25:00"), in: folder, "wrong.json")
        let cut = try Program.run(Program.meterside, ["nem12", "rate", bad, "--tariff", tariff])
        #expect(cut.status == 5 && cut.output.isEmpty && cut.errors.contains("900"))
        let price = try Program.run(Program.meterside, ["nem12", "rate", good, "--tariff", wrong])
        #expect(price.status == 2 && price.errors.contains("times[0].from"))
        for zone in ["Nowhere/Land", "../../etc/passwd", "/etc/passwd", ""] {
            let place = try Program.run(Program.meterside, ["nem12", "rate", good, "--tariff", tariff, "--zone", zone])
            #expect(place.status == 2 && place.errors.contains("time zone"), "\(zone)")
        }
    }
}
