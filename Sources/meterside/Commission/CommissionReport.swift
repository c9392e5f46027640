import Crypto
import Metering

/// What was done at a board, told by the journal: as JSON that is signed, as text, and as one page.
struct CommissionReport {
    /// `{box, version, run, began_at, ended_at, site, meters, steps}`.
    let body: JSONValue

    init(body: JSONValue) { self.body = body }

    /// - Parameters:
    ///   - status: the answer of `status`.
    ///   - head: the newest step's record `{seq, hash}`.
    init(state: CommissionState, answers: CommissionAnswers, status: JSONValue, head: JSONValue) {
        var steps: [JSONValue] = []
        var last = state.beganAt
        for step in CommissionStep.allCases where step != .report {
            guard let entry = state.entries[step] else { continue }
            last = max(last ?? "", entry.at)
            steps.append([
                "step": .string(step.rawValue), "title": .string(step.title), "state": .string(entry.state),
                "at": .string(entry.at), "seq": .integer(entry.seq), "result": entry.data,
            ])
        }
        body = [
            "box": status["box"] ?? .null, "version": status["version"] ?? .null, "run": .integer(state.run),
            "began_at": JSONValue(state.beganAt), "ended_at": JSONValue(last), "site": .object(answers.site),
            "journal": head, "steps": .array(steps),
        ]
    }

    var bytes: [UInt8] { JSONWriter.canonical(body) }

    /// The report with its signature over the canonical bytes of `report`.
    func signed(by key: [UInt8]) throws(CommandFailure) -> JSONValue {
        let bytes = bytes
        let signature = try Signing.orFailure { () throws(CryptoError) in try Ed25519.sign(bytes, privateKey: key) }
        let publicKey = try Signing.orFailure { () throws(CryptoError) in try Ed25519.publicKey(of: key) }
        return [
            "report": body, "sha256": .string(SHA256.hex(bytes)),
            "signature": [
                "alg": "EdDSA", "key": .string(Base64.text(publicKey)), "value": .string(Base64.text(signature)),
            ],
        ]
    }

    func step(_ step: CommissionStep) -> JSONValue? {
        body.items("steps").first { $0["step"]?.string == step.rawValue }
    }

    // MARK: For people

    static func lines(_ signed: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        let report = CommissionReport(body: signed["report"] ?? .null)
        let body = report.body
        var facts = Facts()
        facts.add("box", body.shown("box"))
        facts.add("began", TextLayout.time(body["began_at"]?.string))
        facts.add("ended", TextLayout.time(body["ended_at"]?.string))
        facts.add("site", ifAny: address(body["site"] ?? .null))
        facts.add("NMI", ifAny: body["site"]?["nmi"]?.string)
        var lines = ["Commissioning report", ""] + facts.lines(width: width, colour: colour) + [""]
        for step in body.items("steps") {
            let mark = step["state"] == "done" ? "✓" : step["state"] == "failed" ? "✗" : "–"
            let result = step["result"] ?? .null
            let note = result["summary"]?.string ?? result["why"]?.string ?? result["message"]?.string ?? ""
            let text = "\(mark) \(step.shown("title"))" + (note.isEmpty ? "" : ": \(note)")
            lines += TextLayout.wrapped(TextLayout.clean(text), indent: 4, width: width)
        }
        for meter in report.step(.wiring)?["result"]?.items("meters") ?? [] {
            lines += ["", "meter \(TextLayout.clean(meter.shown("serial")))"]
            for finding in meter.items("findings") {
                let text = "  \(finding.shown("level")): \(finding.shown("check")): \(finding.shown("message"))"
                lines += TextLayout.wrapped(TextLayout.clean(text), indent: 4, width: width)
            }
        }
        let key = signed["signature"]?["key"]?.string ?? "-"
        return lines + [""]
            + TextLayout.wrapped("signed by the box's key \(TextLayout.clean(key))", indent: 2, width: width)
    }

    static func address(_ site: JSONValue) -> String {
        let street = [site["street_number"]?.string, site["street_name"]?.string].compactMap(\.self)
        let town = [site["suburb"]?.string, site["state"]?.string, site["postcode"]?.string].compactMap(\.self)
        return [street, town].filter { !$0.isEmpty }.map { $0.joined(separator: " ") }.joined(separator: ", ")
    }
}
