import Foundation
import Glibc
import Metering
import Testing

@testable import meterside

/// The guided flow: what a person before the board is asked, and what becomes of the answers.
@Suite(.serialized) struct CommissionPromptTests {
    private static func answers(_ box: FakeBox) throws -> [(question: String, answer: String)] {
        let key = box.home.file("reposit.key")
        try "key\n".write(toFile: key, atomically: true, encoding: .utf8)
        chmod(key, 0o600)
        return [
            ("Box id", "SJKGRHDV"), ("Time zone", "Australia/Sydney"), ("or host:port", "/dev/ttyX0"),
            ("Ports (numbers", "/dev/ttyX0"), ("EDMI user", "READER"), ("share a line", "217072470"),
            ("EDMI password", "top secret"), ("on the plate of this meter", ""), ("Role of", ""), ("Phases of", "4"),
            ("Phases of", "3"), ("Reposit key", key), ("Address of Reposit", ""), ("Street number", "17/2"),
            ("Street: ", "Childers St"), ("Suburb", "Acton"), ("Postcode", "260"), ("Postcode", "2601"),
            ("State (", "act"), ("State (", "ACT"), ("Use it all the same", "y"), ("NMI, with", "42036798376"),
        ]
    }

    @Test func aPerson_isLedFromNothingToConnected() throws {
        let box = try FakeBox()
        let talk = try Conversation.hold(
            ["commission", "--poll-seconds", "1"], socket: box.socket, answers: try Self.answers(box))
        #expect(talk.status == 0 && talk.unanswered == nil, "\(talk.screen) \(talk.unanswered ?? "")")
        #expect(
            box.acts == ["config.reload", "reposit.register", "reposit.validate", "reposit.site", "reposit.connected"])
        // What was wrong was said, and asked again.
        for words in ["write 1 or 3", "write its four digits", "write one of them", "should be 2"] {
            #expect(talk.screen.contains(words), "\(words)")
        }
        #expect(!talk.screen.contains("top secret") && talk.output.contains("Commissioning report"))
        let toml = try String(contentsOfFile: box.configuration, encoding: .utf8)
        #expect(toml.contains("nmi = \"4203679837\"") && toml.contains("secrets/edmi.password"))
        let secret = box.home.file("secrets/edmi.password")
        var status = stat()
        #expect(stat(secret, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == "top secret")
    }

    @Test func aPersonWhoLeaves_isNotAskedTwice() throws {
        let box = try FakeBox()
        let all = try Self.answers(box)
        let first = try Conversation.hold(
            ["commission", "--poll-seconds", "1"], socket: box.socket,
            answers: all.filter { !$0.question.hasPrefix("Postcode") })
        #expect(first.unanswered?.contains("Postcode") == true && box.acts.isEmpty)
        let rest = try Conversation.hold(
            ["commission", "--poll-seconds", "1"], socket: box.socket,
            answers: all.filter { !["Box", "Street", "Suburb"].contains(String($0.question.prefix(6))) })
        #expect(rest.status == 0, "\(rest.screen)")
        #expect(!rest.screen.contains("Box id") && !rest.screen.contains("looking for meters"))
        #expect(rest.screen.contains("Postcode") && !rest.screen.contains("Suburb"))
    }

    @Test func aSerialThatIsNotTheMeters_isRefused() throws {
        let box = try FakeBox()
        var answers = try Self.answers(box)
        answers = answers.map { $0.question.hasPrefix("on the plate") ? ($0.question, "999") : $0 }
        let talk = try Conversation.hold(["commission", "--poll-seconds", "1"], socket: box.socket, answers: answers)
        #expect(talk.status == 5 && talk.screen.contains("two meters may be swapped"))
        #expect(access(box.configuration, F_OK) != 0)
    }

    @Test func aRefusedSite_isAskedForAnew() throws {
        let box = try FakeBox()
        box.fail("reposit.site", code: "upstream_refused", message: "the NMI is already on another site")
        let first = try Conversation.hold(
            ["commission", "--poll-seconds", "1"], socket: box.socket, answers: try Self.answers(box))
        #expect(first.status == 6)
        let keys = ["street_number", "street_name", "suburb", "postcode", "state"]
        let second = try Conversation.hold(
            ["commission", "--poll-seconds", "1"], socket: box.socket,
            answers: keys.map { ("\($0) [", "") } + [("nmi [", "11100290350"), ("nmi [", "11100290359")])
        #expect(second.status == 0 && second.screen.contains("should be 9"), "\(second.screen)")
        #expect(box.acts.count { $0 == "reposit.register" } == 1)
    }

    @Test func supplyTest_asksForTheSerial() throws {
        let box = try FakeBox()
        let question = "serial to go on"
        let wrong = try Conversation.hold(
            ["supply", "test", "unit-1"], socket: box.socket, answers: [(question, "1")])
        #expect(wrong.status == 5 && box.acts.isEmpty)
        let right = try Conversation.hold(
            ["supply", "test", "unit-1"], socket: box.socket, answers: [(question, "217072470")])
        #expect(right.status == 0 && box.acts == ["supply.test"])
    }
}
