import Metering

/// The report as one page that needs nothing else: for a browser, for paper, for an e-mail.
enum CommissionPage {
    static func html(_ signed: JSONValue) -> String {
        let report = CommissionReport(body: signed["report"] ?? .null)
        let body = report.body
        var page = head(title: "Commissioning report of \(body.shown("box"))")
        page += "<h1>Commissioning report</h1>\n" + verdict(report) + "<dl>"
        page += fact("Box", body.shown("box")) + fact("Software", "Meterside \(body.shown("version"))")
        page += fact("Began", TextLayout.time(body["began_at"]?.string))
        page += fact("Ended", TextLayout.time(body["ended_at"]?.string))
        let site = body["site"] ?? .null
        page += fact("Site", CommissionReport.address(site)) + fact("NMI", site["nmi"]?.string ?? "")
        page += "</dl>\n" + steps(body) + meters(report) + han(report)
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
        .verdict { font-size: 1.1rem; margin: 0 0 1rem; padding: .5rem .8rem; background: #f2f4f7 }
        .verdict { border-left: .3rem solid }
        div.scroll { overflow-x: auto }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
        th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #e3e7ec }
        th:last-child, td:last-child { padding-right: 0 }
        th, td { vertical-align: top } td:first-child::first-letter { text-transform: uppercase }
        table.readings { width: auto; min-width: 60% }
        th { color: #5d6b7a; font-weight: 500 } .n { text-align: right } .t { white-space: nowrap }
        .done, .ok { color: #11703a } .failed, .fault { color: #b3261e } .warning { color: #8a5a00 }
        .skipped, .begun, .pending { color: #5d6b7a } code { font-size: .8rem; overflow-wrap: anywhere }
        @media print { body { background: #fff } main { margin: 0; padding: 0; max-width: none } }
        @media (max-width: 40rem) {
          main { margin: 0; padding: 1rem; border-radius: 0 }
          dl { grid-template-columns: 5.5rem 1fr } .r { display: none }
          table { font-size: .8rem } th, td { padding-right: .4rem }
        }
        </style></head><body><main>

        """
    }

    /// The first thing to see: whether the board is done.
    private static func verdict(_ report: CommissionReport) -> String {
        let steps = report.body.items("steps")
        let isConnected = report.step(.connected)?["state"] == "done"
        let open = steps.filter { !["done", "skipped"].contains($0["state"]?.string) }
        guard let first = open.first else {
            let words = isConnected ? "Connected: every step is done." : "Every step is done."
            return "<p class=\"verdict done\">\(words)</p>\n"
        }
        let isFailed = first["state"] == "failed"
        let begin = isConnected ? "Connected. Still to do" : "Not finished"
        let names = open.map { $0.shown("title") }.joined(separator: "; ")
        return "<p class=\"verdict \(isFailed ? "failed" : "warning")\">\(begin): \(escaped(names)).</p>\n"
    }

    private static func steps(_ body: JSONValue) -> String {
        let day = body["began_at"]?.string?.prefix(10) ?? ""
        var rows = ""
        for step in body.items("steps") {
            let result = step["result"] ?? .null
            let note = result["summary"]?.string ?? result["why"]?.string ?? result["message"]?.string ?? ""
            let state = step.shown("state")
            let at = step["at"]?.string ?? ""
            // The day stands above.
            let time = TextLayout.time(at)
            let shown = at.hasPrefix(day) && time.hasPrefix(day) ? String(time.dropFirst(day.count + 1)) : time
            rows += row([
                cell(step.shown("title")), cell(state, of: state), cell(note), cell(shown, of: "t"),
                cell("#\(step.shown("seq"))", of: "r"),
            ])
        }
        return "<h2>Steps</h2>\n" + table(["Step", "State", "Note", "At", "Record"], rows, last: "r")
    }

    private static func han(_ report: CommissionReport) -> String {
        guard let step = report.step(.han), let bind = step["result"]?["bind"], bind != .null else { return "" }
        return "<h2>Home area network</h2>\n<dl>"
            + fact("Binding", bind.shown("state")) + fact("Since", TextLayout.time(bind["since"]?.string))
            + fact("HAN meter", step["result"]?["han_meter"]?.string ?? "") + "</dl>\n"
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
                cell(label(reading.shown("channel"))), cell(reading.shown("value"), of: "n"),
                cell(reading.shown("unit")),
            ])
        }
        return "<h2>Wiring of meter \(escaped(meter.shown("serial")))</h2>\n" + table(["Check", "", "Finding"], rows)
            + "<h2>Readings of meter \(escaped(meter.shown("serial")))</h2>\n"
            + table(["Register", "Value", "Unit"], readings, kind: "readings", right: "Value")
    }

    private static let units = ["wh", "varh", "v", "a", "w", "var", "va", "hz", "deg"]

    /// `voltage_l1_l2_v` as people write it: `Voltage L1–L2`.
    static func label(_ channel: String) -> String {
        var words = channel.split(separator: "_").map(String.init)
        if let unit = words.last, words.count > 1, units.contains(unit) { words.removeLast() }
        let phases = words.filter { $0.hasPrefix("l") && $0.dropFirst().allSatisfy(\.isNumber) && $0.count == 2 }
        let names = words.filter { !phases.contains($0) }
        let all = names.joined(separator: " ")
        return all + (phases.isEmpty ? "" : " " + phases.map { $0.uppercased() }.joined(separator: "–"))
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

    /// `last`: the class of the last title; `right`: a title over numbers.
    private static func table(
        _ titles: [String], _ rows: String, kind: String = "", last: String? = nil, right: String? = nil
    ) -> String {
        var head = ""
        for title in titles {
            let mark = title == right ? "n" : title == titles.last ? last : nil
            head += (mark.map { "<th class=\"\($0)\">" } ?? "<th>") + escaped(title) + "</th>"
        }
        return "<div class=\"scroll\"><table class=\"\(kind)\"><tr>\(head)</tr>\n\(rows)</table></div>\n"
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
