import Foundation
import Metering
import Testing

/// The upstream systems misbehave while a board is commissioned: each time the installer is told what is wrong, where
/// to look and how to go on; nothing that was done is lost, and nothing is done twice.
@Suite struct CommissionTroubleTests {
    /// What goes wrong, how often it is tried, and what is said of it.
    private struct Trouble {
        var order: String
        var tries: Int
        var words: String
    }

    /// Somebody waits: four tries, but none against a wall.
    private static let troubles = [
        Trouble(order: "400", tries: 1, words: "HTTP 400"), Trouble(order: "401", tries: 1, words: "expired_token"),
        Trouble(order: "403", tries: 1, words: "does not let us in"),
        Trouble(order: "404", tries: 1, words: "HTTP 404"), Trouble(order: "429", tries: 4, words: "HTTP 429"),
        Trouble(order: "503", tries: 4, words: "HTTP 503"), Trouble(order: "deaf", tries: 4, words: "timed out"),
        Trouble(order: "drip:300", tries: 4, words: "timed out"),
        Trouble(order: "garbage", tries: 4, words: "no JSON"),
        Trouble(order: "wrong-ids", tries: 4, words: "does not say OK"),
        Trouble(order: "redirect:http://127.0.0.1:9/", tries: 4, words: "sends us elsewhere"),
        Trouble(order: "cut", tries: 4, words: "transfer closed"),
        Trouble(order: "flood", tries: 4, words: "larger than"),
    ]
    private static let certificates = [
        ("host", "no alternative certificate subject name"), ("old", "expired"), ("other", "self-signed"),
    ]

    private static func stage() throws -> CommissionStage {
        let stage = try CommissionStage(scale: 8)
        var answers = stage.answers(timeout: 1)
        // What is not tried here is left out.
        var configuration = answers["configuration"]?.object ?? [:]
        for name in ["han", "unit", "switch"] { configuration[name] = nil }
        answers["configuration"] = .object(configuration)
        try stage.write(answers)
        return stage
    }

    /// One failing run: what it says, and how often it asked.
    private func expect(
        _ stage: CommissionStage, at target: String, _ tries: Int, _ words: String, of name: String
    ) throws {
        let before = stage.requests(target).count
        let all = stage.requests.count
        let run = try stage.commission()
        let said = run.err.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(run.code == 6, "\(name): \(run.err)")
        #expect(said.contains(words), "\(name): \(said)")
        #expect(said.contains("look") && said.contains("it goes on here"), "\(name): \(said)")
        #expect(stage.requests(target).count == before + tries, "\(name): \(stage.requests.suffix(6))")
        #expect(stage.requests.count == all + tries, "\(name): what was done was done again")
    }

    @Test func everyMisbehaviour_atTheFirstStep_isNamed_andTheNextRunGoesOn() throws {
        let stage = try Self.stage()
        let target = "/mdp/register/meter/three-phase"
        for trouble in Self.troubles {
            stage.order("\(target) \(trouble.order) 99")
            try expect(stage, at: target, trouble.tries, trouble.words, of: trouble.order)
            stage.order("well")
        }
        for (certificate, words) in Self.certificates {
            stage.show(certificate)
            try expect(stage, at: target, 0, words, of: certificate)
        }
        stage.show("good")
        // 401 once and then well: a key of Reposit cannot be renewed, so a person is asked; the next run goes on.
        stage.order("\(target) 401 1")
        try expect(stage, at: target, 1, "revoked", of: "401 once")
        let before = stage.requests.count
        let run = try stage.commission()
        #expect(run.code == 0, "\(run.err)")
        #expect(Array(stage.requests.dropFirst(before)) == CommissionStage.reposit)
        #expect(try stage.box.json("reposit", "status")?["state"] == "connected")
        #expect(try stage.box.json("ledger", "verify")?["ok"] == true)
        try stage.expectNoSecrets()
    }

    @Test func trouble_atLaterSteps_loses_andRepeatsNothing() throws {
        let stage = try Self.stage()
        let (validate, site, connected) = ("/mdp/validate", "/mdp/register/site", "/mdp/connected")
        stage.order("\(validate) 404 1")
        #expect(try stage.commission().code == 6)
        for trouble in Self.troubles where ["401", "404", "503", "deaf", "garbage", "cut"].contains(trouble.order) {
            stage.order("\(validate) \(trouble.order) 99")
            try expect(stage, at: validate, trouble.tries, trouble.words, of: "validate \(trouble.order)")
            stage.order("well")
        }
        // Trouble that passes while somebody waits is waited out.
        stage.order("\(validate) 429:1 1")
        stage.order("\(validate) 503 1")
        stage.order("\(site) 400 1")
        var run = try stage.commission()
        #expect(run.code == 6 && run.err.contains("Reposit sees the box"), "\(run.err)")
        // Done there, the answer cut off, and the repetition refused: a person says what is so.
        stage.order("\(site) cut 1")
        let before = stage.requests(site).count
        run = try stage.commission()
        let said = run.err.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(run.code == 6 && said.contains("the earlier one may have worked"), "\(said)")
        #expect(said.contains("commission --confirm site"), "\(said)")
        #expect(stage.requests(site).count == before + 2)
        stage.order("\(connected) 503 2")
        run = try stage.commission("--confirm", "site")
        #expect(run.code == 0, "\(run.err)")
        #expect(stage.requests(site).count == before + 2 && stage.requests(connected).count == 3)
        #expect(stage.requests("/mdp/register/meter").count == 1)
        #expect(try stage.box.json("reposit", "status")?["state"] == "connected")
    }

    @Test func trouble_ofTheBinding_isNamed_andABindIsNeverRepeatedBlindly() throws {
        let stage = try CommissionStage(scale: 8)
        var answers = stage.answers(timeout: 1)
        answers["supply_test"] = false
        try stage.write(answers)
        let (token, customer, bind) = ("/oauth/token", "/v1/powerbox/customer", "/v1/powerbox/bind")
        for (target, trouble, words) in [
            (token, "401", "does not let us in"), (token, "503", "HTTP 503"), (token, "garbage", "token"),
            (customer, "404", "an id is not known"), (customer, "garbage", "list of sites"), (bind, "403", "locked"),
            (bind, "404", "an id is not known"),
        ] {
            stage.order("\(target) \(trouble) 99")
            let run = try stage.commission()
            let said = run.err.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect([5, 6].contains(run.code), "\(target) \(trouble): \(run.err)")
            #expect(said.contains(words) && said.contains("it goes on here"), "\(target) \(trouble): \(said)")
            stage.order("well")
            // A refused key is not asked with again for some seconds, unless it is loaded anew.
            stage.box.signal(SIGHUP)
        }
        let before = stage.requests(bind).count
        stage.order("\(bind) hang 1")
        let child = try stage.sandbox.start(Programs.cli, stage.arguments(), log: "last")
        #expect(stage.sandbox.eventually { stage.sandbox.text("last.log").contains("is not known") })
        #expect(stage.requests(bind).count == before + 1)
        stage.allowJoin()
        #expect(child.wait() == 0, "\(stage.sandbox.text("last.log"))")
        #expect(stage.requests(bind).count == before + 1 && stage.requests(connected).count == 1)
        #expect(Array(stage.requests("/mdp/")) == CommissionStage.reposit)
        try stage.expectNoSecrets()
    }

    private let connected = "/mdp/connected"
}
