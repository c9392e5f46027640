import Control
import Foundation
import Glibc
import Metering
import Testing

@testable import meterside

/// `commission` from an unconfigured box to its report, interrupted and resumed, against a box of the tests.
@Suite struct CommissionProgramTests {
    /// Answers for a box with Reposit and a load switch; the port is looked at, the meter is found.
    private static func answers(_ box: FakeBox, _ more: JSONObject = [:], without: [String] = []) throws -> String {
        let password = box.home.file("reader.password")
        try "secret\n".write(toFile: password, atomically: true, encoding: .utf8)
        chmod(password, 0o600)
        var answers: JSONObject = [
            "box": ["id": "SJKGRHDV", "zone": "Australia/Sydney"], "ports": [["name": "a", "device": "/dev/ttyUSB0"]],
            "login": ["user": "READER", "password_file": "reader.password"],
            "configuration": [
                "upstream": ["reposit": ["url": "https://r.example", "key_file": "/nonexistent/key"]],
                "unit": [["id": "unit-1", "meters": ["217072470"], "switch": "relay-1"]],
            ],
            "site": [
                "nmi": "11100290359", "street_number": "17/2", "street_name": "High St", "suburb": "Acton",
                "postcode": "2601", "state": "ACT",
            ], "poll_seconds": 1, "supply_test": true,
        ]
        for (name, value) in more.members { answers[name] = value }
        for name in without { answers[name] = nil }
        let file = box.home.file("answers.json")
        try String(decoding: JSONWriter.compact(.object(answers)), as: UTF8.self).write(
            toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    private static let whole = [
        "config.reload", "reposit.register", "reposit.validate", "reposit.site", "supply.test", "reposit.connected",
    ]

    @Test func aFreshBox_becomesConnected_withAReport() throws {
        let box = try FakeBox()
        let outcome = try box.run("--answers", try Self.answers(box), "--json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(box.acts == Self.whole)
        let signed = try JSONReader.read(outcome.output)
        #expect(signed["report"]?["box"] == "SJKGRHDV" && signed["report"]?["steps"]?.array?.count == 11)
        let toml = try String(contentsOfFile: box.configuration, encoding: .utf8)
        #expect(toml.contains("serial = \"217072470\"") && toml.contains("nmi = \"1110029035\""))
        #expect(toml.contains("protocol = \"edmi\"") && toml.contains("baud = 9600"))
        #expect(toml.contains("password_file = \"\(box.home.path)/reader.password\"") && !toml.contains("secret"))
        let report = box.home.file("state/commission/report-1")
        for suffix in ["html", "txt", "json"] {
            let text = try String(contentsOfFile: "\(report).\(suffix)", encoding: .utf8)
            #expect(text.contains("217072470") && !text.contains("secret"))
        }
        var status = stat()
        #expect(stat(box.home.file("state/box.key"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        // Run again: it shows what is done and does nothing.
        let again = try box.run("--json")
        #expect(again.status == 0 && again.output == outcome.output && box.acts == Self.whole)
        #expect(again.errors.contains("done before"))
    }

    @Test(arguments: [
        ("meter.scan", 1), ("config.check", 1), ("config.reload", 1), ("commission.show", 1), ("commission.note", 1),
        ("commission.note", 3), ("commission.note", 6), ("commission.note", 8), ("commission.note", 10),
        ("commission.note", 12), ("commission.note", 14), ("commission.note", 16), ("commission.note", 18),
        ("commission.note", 19), ("ledger.export", 1),
    ])
    func killedAnywhere_itGoesOn_andSendsNothingTwice(method: String, count: Int) throws {
        let box = try FakeBox()
        let file = try Self.answers(box)
        box.kill(at: method, count: count)
        #expect(try box.run("--answers", file).status == -9, "\(method) \(count)")
        let outcome = try box.run("--answers", file, "--json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let acts = box.acts
        for act in Self.whole where act != "config.reload" {
            // A note that was lost lets the step be done once more; the box itself sends what is done only once.
            #expect((1...2).contains(acts.count { $0 == act }), "\(act) in \(acts)")
        }
        #expect(acts.filter { $0 == "reposit.connected" }.count <= 2)
        #expect(box.story.last == "report done")
        let done = box.story.filter { $0.hasSuffix(" done") }
        #expect(Set(done).count == done.count, "\(done)")
    }

    @Test func aStepThatFails_isNamed_andTheNextRunGoesOnThere() throws {
        let box = try FakeBox()
        let file = try Self.answers(box)
        box.fail("reposit.site", code: "upstream_refused", message: "the NMI is already on another site")
        let failed = try box.run("--answers", file)
        #expect(failed.status == 6 && failed.errors.contains("already on another site"))
        let words = failed.errors.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains("run `meterside commission` again") && words.contains("--confirm site"))
        #expect(box.story.suffix(2) == ["site begun", "site failed"])
        #expect(try box.run("--answers", file).status == 0)
        #expect(box.acts.count { $0 == "reposit.register" } == 1 && box.acts.count { $0 == "reposit.site" } == 2)
    }

    @Test func wiringThatIsWrong_stopsBeforeAnythingIsSent() throws {
        let box = try FakeBox()
        box.reading = ["power_l2_w": "-920", "power_w": "1600"]
        let outcome = try box.run("--answers", try Self.answers(box))
        #expect(outcome.status == 5 && outcome.errors.contains("current transformer of L2 is reversed"))
        #expect(box.acts == ["config.reload"])
        let accepted = try box.run("--answers", try Self.answers(box, ["accept_wiring": true]), "--json")
        #expect(accepted.status == 0 && accepted.output.contains("1 fault accepted by the installer"))
    }

    @Test func withoutReposit_itEndsAfterTheWire() throws {
        let box = try FakeBox()
        let outcome = try box.run("--answers", try Self.answers(box, ["configuration": [:]]))
        #expect(outcome.status == 0 && box.acts == ["config.reload"])
        #expect(outcome.output.contains("Commissioning report") && outcome.errors.contains("not needed"))
    }

    @Test func aSectionAddedByHand_isTakenUpByTheNextRun_whateverItsForm() throws {
        let box = try FakeBox()
        #expect(try box.run("--answers", try Self.answers(box, ["configuration": [:]])).status == 0)
        let same = try box.run()
        #expect(same.status == 0 && same.errors.contains("11/12 connected: not needed"), "\(same.errors)")
        let untouched = box.story
        var toml = try String(contentsOfFile: box.configuration, encoding: .utf8)
        toml += "\n[upstream]\nreposit = { url = \"https://r.example\", key_file = \"/nonexistent/key\" }\n"
        try toml.write(toFile: box.configuration, atomically: true, encoding: .utf8)
        let run = try box.run()
        #expect(run.status == 0 && box.story.count > untouched.count, "\(run.errors)")
        #expect(box.acts == ["config.reload"] + Self.whole.filter { $0.hasPrefix("reposit.") })
        #expect(run.output.contains("✓ connected: connected"), "\(run.output)")
        // Nothing changed since: nothing is noted once more, not even for what is still not needed.
        let notes = box.story
        #expect(try box.run().status == 0 && box.story == notes)
    }

    /// An installer whose connection broke begins again while the first run still works.
    @Test func aSecondRun_isRefusedWhileOneWorks() throws {
        let box = try FakeBox()
        let folder = box.home.file("state/commission")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let first = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        #expect(flock(first, LOCK_EX | LOCK_NB) == 0 && write(first, "4711\n", 5) == 5)
        let second = try box.run("--answers", try Self.answers(box))
        #expect(second.status == 5 && second.errors.contains("process 4711"), "\(second.errors)")
        #expect(box.acts.isEmpty && access(box.configuration, F_OK) != 0)
        close(first)
        #expect(try box.run("--answers", try Self.answers(box)).status == 0)
    }

    @Test func dryRun_writesAndSendsNothing() throws {
        let box = try FakeBox()
        let outcome = try box.run("--answers", try Self.answers(box), "--dry-run", "--json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let result = try JSONReader.read(outcome.output)
        #expect(result["configuration"]?.string?.contains("[upstream.reposit]") == true)
        #expect(result["steps"]?.array?.count == 12)
        #expect(box.acts.isEmpty && box.story.isEmpty && access(box.configuration, F_OK) != 0)
        #expect(access(box.home.file("state"), F_OK) != 0)
    }

    @Test func whatTheAnswersDoNotSay_isNamed() throws {
        let box = try FakeBox()
        let noBox = try box.run("--answers", try Self.answers(box, without: ["box"]))
        #expect(noBox.status == 2 && noBox.errors.contains("box.id"))
        let noSite = try box.run("--answers", try Self.answers(box, without: ["site"]))
        #expect(noSite.status == 2 && noSite.errors.contains("site.street_number"))
        let wrongNMI = try box.run("--answers", try Self.answers(box, ["site": ["nmi": "42036798376"]]))
        #expect(wrongNMI.status == 2 && wrongNMI.errors.contains("should be 2") && box.acts.isEmpty)
        #expect(try box.run("--answers", box.home.file("nowhere.json")).status == 2)
    }

    @Test func aNewConfiguration_keepsTheOldOne() throws {
        let box = try FakeBox()
        #expect(try box.run("--answers", try Self.answers(box)).status == 0)
        let old = try String(contentsOfFile: box.configuration, encoding: .utf8)
        let file = try Self.answers(box, ["box": ["id": "SJKGRHDV", "zone": "Australia/Perth"]])
        #expect(try box.run("--answers", file, "--reconfigure").status == 0)
        #expect(try String(contentsOfFile: box.configuration + ".bak", encoding: .utf8) == old)
        #expect(try String(contentsOfFile: box.configuration, encoding: .utf8).contains("Australia/Perth"))
        #expect(box.acts.count { $0 == "reposit.register" } == 2)
        #expect(access(box.home.file("state/commission/report-2.html"), F_OK) == 0)
    }
}
