import Foundation
import Metering
import Testing

/// What an installer gets wrong: the message says what is wrong, where to look and how to go on, and mended answers go
/// on where it was.
@Suite struct CommissionInputTests {
    /// Answers with another value at a path of names, `site.nmi`; lists by number.
    private static func changed(_ answers: JSONObject, _ path: String, _ value: JSONValue?) -> JSONObject {
        func put(_ into: JSONValue, _ names: ArraySlice<String>) -> JSONValue? {
            guard let name = names.first else { return value }
            if let index = Int(name), var items = into.array {
                items[index] = put(items[index], names.dropFirst()) ?? .null
                return .array(items)
            }
            var object = into.object ?? [:]
            object[name] = put(object[name] ?? [:], names.dropFirst())
            return .object(object)
        }
        return put(.object(answers), path.split(separator: ".").map(String.init)[...])?.object ?? [:]
    }

    private func said(_ run: (code: Int32, out: String, err: String)) -> String {
        run.err.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Before anything is written or sent.
    @Test func wrongAnswers_areNamed_beforeAnythingIsDone() throws {
        let stage = try CommissionStage(scale: 8)
        let good = stage.answers()
        try stage.sandbox.write("site/short.code", "83FED3407A93\n", mode: 0o600)
        try stage.sandbox.write("site/wrong.code", "83FED3407A939723A5C639B26916D505C3B6\n", mode: 0o600)
        let code = "configuration.han.install_code_file"
        for (path, value, status, words) in [
            ("site.nmi", "20019857321", Int32(2), "should be 8"), ("site.nmi", "2001O85732", 2, "except O and I"),
            ("site.postcode", "26011", 2, "four digits"), ("site.state", "Acton", 2, "must be one of ACT"),
            (code, "short.code", 3, "this one has 12"), (code, "wrong.code", 3, "CRC"),
            (code, "none.code", 3, "none.code"),
            ("configuration.han.meter", "999", 3, "999"), ("meters.0.model", "edmi-mk99", 3, "edmi-mk99"),
            ("configuration.upstream.reposit.key_file", "none.key", 3, "none.key"),
        ] as [(String, JSONValue, Int32, String)] {
            try stage.write(Self.changed(good, path, value))
            let run = try stage.commission()
            #expect(run.code == status, "\(path) \(value): \(run.err)")
            #expect(said(run).lowercased().contains(words.lowercased()), "\(path): \(run.err)")
            #expect(try stage.box.json("status")?["state"] == "unconfigured", "\(path)")
        }
        #expect(stage.requests.isEmpty)
        // Nothing of a secret is in what was said.
        try stage.expectNoSecrets()
        // Shown, and nothing done.
        try stage.write(good)
        let dry = try stage.commission("--dry-run", "--json")
        #expect(dry.code == 0 && dry.out.contains("[upstream.powerbox]"), "\(dry.err)")
        #expect(try stage.box.json("status")?["state"] == "unconfigured" && stage.requests.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: stage.sandbox.path("etc/meterside.toml")))
        // Without a terminal and without answers nobody is asked anything.
        let bare = try stage.box.cli("commission", "--start-over")
        #expect(bare.code == 2 && bare.err.contains("--answers") && bare.err.contains("box.id"), "\(bare.err)")
    }

    /// The answers are mended and the command is run again: it goes on, and what was done is not done again.
    @Test func mendedAnswers_areTakenUp_whereItWas() throws {
        let stage = try CommissionStage(scale: 8)
        var good = stage.answers()
        for path in ["configuration.han", "configuration.switch", "configuration.unit"] {
            good = Self.changed(good, path, nil)
        }
        // A meter that is not there; the one serial on the other's plate; a revoked key; a taken NMI.
        try stage.write(Self.changed(good, "meters.0.serial", "217072471"))
        let silent = try stage.commission()
        #expect(silent.code == 4 && said(silent).contains("217072471"), "\(silent.err)")
        #expect(said(silent).contains("it goes on here") && stage.requests.isEmpty)

        var swapped = Self.changed(good, "meters.0.role", "sga")
        swapped = Self.changed(swapped, "meters.1.role", "grid")
        try stage.sandbox.write("site/reposit.key", "revoked\n", mode: 0o600)
        try stage.write(swapped)
        let second = try stage.commission()
        #expect(second.err.contains("the answers have changed"), "\(second.err)")
        #expect([5, 6].contains(second.code), "\(second.err)")
        #expect(second.code == 6 || said(second).contains("swapped"), "\(second.err)")

        try stage.write(Self.changed(good, "site.nmi", "42036798376"))
        try stage.write(Self.changed(Self.changed(good, "site.nmi", "42036798376"), "site.nmi_override", true))
        let revoked = try stage.commission()
        #expect(revoked.code == 6 && said(revoked).contains("revoked"), "\(revoked.err)")
        #expect(stage.requests.allSatisfy { $0 == CommissionStage.reposit[0] })

        try stage.sandbox.write("site/reposit.key", "A2YWQiLCJpc3-stub\n", mode: 0o600)
        let taken = try stage.commission()
        #expect(taken.code == 6 && said(taken).contains("has already been registered"), "\(taken.err)")
        #expect(said(taken).contains("another site may have this NMI"), "\(taken.err)")
        let registered = stage.requests("/mdp/register/meter").count

        try stage.write(good)
        let last = try stage.commission("--json")
        #expect(last.code == 0, "\(last.err)")
        #expect(stage.requests("/mdp/register/meter").count == registered)
        #expect(stage.body("/mdp/register/site")?["nmi"] == "2001985732")
        #expect(stage.body("/mdp/register/meter/three-phase")?["gridMeterSerialNumber"] == "217072470")
        // The box's own record of the meter has the mended NMI too.
        let text = stage.sandbox.text("etc/meterside.toml")
        #expect(text.contains("nmi = \"2001985732\"") && !text.contains("4203679837"), "\(text)")
        #expect(try stage.box.json("reposit", "status")?["state"] == "connected")
        try stage.expectNoSecrets()
    }
}
