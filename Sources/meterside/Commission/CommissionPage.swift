import Metering

/// The report as one page that needs nothing else: for a browser, for paper, for an e-mail.
enum CommissionPage {
    static func html(_ signed: JSONValue) -> String {
        let report = CommissionReport(body: signed["report"] ?? .null)
        let body = report.body
        var page = head(title: "Commissioning report of \(body.shown("box"))")
        page += "<h1>Commissioning report</h1>\n<dl>"
        page += fact("Box", body.shown("box")) + fact("Software", "Meterside \(body.shown("version"))")
        page += fact("Began", TextLayout.time(body["began_at"]?.string))
        page += fact("Ended", TextLayout.time(body["ended_at"]?.string))
        let site = body["site"] ?? .null
        page += fact("Site", CommissionReport.address(site)) + fact("NMI", site["nmi"]?.string ?? "")
        page += "</dl>\n" + steps(body) + meters(report)
        for meter in report.step(.wiring)?["result"]?.items("meters") ?? [] { page += wiring(meter) }
        for unit in report.step(.supply)?["result"]?.items("units") ?? [] { page += supply(unit) }
        return page + signature(signed, body) + "</main></body></html>\n"
    }

    private static func head(title: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(escaped(title))</title>
        <style>
        body { font: 15px/1.5 system-ui, sans-serif; color: #1b2430; background: #f2f4f7; margin: 0 }
        main { max-width: 46rem; margin: 2rem auto; background: #fff; padding: 2rem 2.5rem; border-radius: 8px }
        h1 { font-size: 1.5rem; margin: 0 0 1rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
        dl { display: grid; grid-template-columns: 7rem 1fr; gap: .15rem 1rem; margin: 0 }
        dt { color: #5d6b7a } dd { margin: 0; overflow-wrap: anywhere }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
        th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #e3e7ec }
        th, td { vertical-align: top }
        th { color: #5d6b7a; font-weight: 500 } .n { text-align: right } .t { white-space: nowrap }
        .done, .ok { color: #11703a } .failed, .fault { color: #b3261e } .warning { color: #8a5a00 }
        .skipped, .begun, .pending { color: #5d6b7a } code { font-size: .8rem; overflow-wrap: anywhere }
        @media print { body { background: #fff } main { margin: 0; padding: 0; max-width: none } }
        @media (max-width: 40rem) { main { margin: 0; padding: 1rem; border-radius: 0 } }
        </style></head><body><main>

        """
    }

    private static func steps(_ body: JSONValue) -> String {
        var rows = ""
        for step in body.items("steps") {
            let result = step["result"] ?? .null
            let note = result["summary"]?.string ?? result["why"]?.string ?? result["message"]?.string ?? ""
            let state = step.shown("state")
            rows += row([
                cell(step.shown("title")), cell(state, of: state), cell(note),
                cell(TextLayout.time(step["at"]?.string), of: "t"), cell("#\(step.shown("seq"))"),
            ])
        }
        return "<h2>Steps</h2>\n" + table(["Step", "State", "Note", "At", "Record"], rows)
    }

    private static func meters(_ report: CommissionReport) -> String {
        var rows = ""
        let offsets = report.step(.clock)?["result"]?.items("meters") ?? []
        let polls = report.step(.polls)?["result"]?.items("meters") ?? []
        for meter in report.step(.meters)?["result"]?.items("meters") ?? [] {
            let serial = meter["serial"]
            let offset = offsets.first { $0["serial"] == serial }?["offset_s"]?.integer
            let poll = polls.first { $0["serial"] == serial }
            rows += row([
                cell(meter.shown("serial")), cell(meter.shown("model")), cell(meter.shown("role")),
                cell(meter.shown("nmi")), cell(offset.map { "\($0) s" } ?? "–"),
                cell(poll.map { "\($0.shown("good")) of \($0.shown("tried"))" } ?? "–"),
            ])
        }
        return rows.isEmpty
            ? "" : "<h2>Meters</h2>\n" + table(["Serial", "Model", "Role", "NMI", "Clock", "Reads"], rows)
    }

    private static func wiring(_ meter: JSONValue) -> String {
        var rows = ""
        for finding in meter.items("findings") {
            let level = finding.shown("level")
            rows += row([cell(finding.shown("check")), cell(level, of: level), cell(finding.shown("message"))])
        }
        var readings = ""
        for reading in meter.items("readings") {
            readings += row([
                cell(reading.shown("channel")), cell(reading.shown("value"), of: "n"), cell(reading.shown("unit")),
            ])
        }
        return "<h2>Wiring of meter \(escaped(meter.shown("serial")))</h2>\n" + table(["Check", "", "Finding"], rows)
            + "<h2>Readings of meter \(escaped(meter.shown("serial")))</h2>\n"
            + table(["Register", "Value", "Unit"], readings)
    }

    private static func supply(_ unit: JSONValue) -> String {
        var rows = ""
        for step in unit.items("steps") {
            let isGood = step["ok"] != false
            rows += row([
                cell(step.shown("step")), cell(isGood ? "ok" : "failed", of: isGood ? "ok" : "failed"),
                cell(step["note"]?.string ?? ""),
            ])
        }
        return "<h2>Supply test of \(escaped(unit.shown("unit")))</h2>\n" + table(["Step", "", "Note"], rows)
    }

    private static func signature(_ signed: JSONValue, _ body: JSONValue) -> String {
        """
        <h2>Proof</h2>
        <p>The steps are records of the box's hash-chained journal. The JSON form of this report is signed with Ed25519
        by the key of the box.</p>
        <dl>\(fact("Record", "#\(body["journal"]?.shown("seq") ?? "–")"))\
        \(code("Its hash", body["journal"]?.shown("hash")))\
        \(code("SHA-256", signed["sha256"]?.string))\(code("Key", signed["signature"]?["key"]?.string))\
        \(code("Signature", signed["signature"]?["value"]?.string))</dl>

        """
    }

    private static func fact(_ name: String, _ value: String) -> String {
        value.isEmpty ? "" : "<dt>\(escaped(name))</dt><dd>\(escaped(value))</dd>"
    }

    private static func code(_ name: String, _ value: String?) -> String {
        "<dt>\(escaped(name))</dt><dd><code>\(escaped(value ?? "–"))</code></dd>"
    }

    private static func table(_ titles: [String], _ rows: String) -> String {
        "<table><tr>" + titles.map { "<th>\(escaped($0))</th>" }.joined() + "</tr>\n\(rows)</table>\n"
    }

    private static func row(_ cells: [String]) -> String { "<tr>\(cells.joined())</tr>\n" }

    private static func cell(_ text: String, of kind: String? = nil) -> String {
        (kind.map { "<td class=\"\(escaped($0))\">" } ?? "<td>") + escaped(text) + "</td>"
    }

    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
