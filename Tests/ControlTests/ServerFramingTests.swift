import Metering
import Testing

@testable import Control

/// Lines on the socket: whole, half, too long, broken, and from clients that misbehave.
@Suite struct ServerFramingTests {
    private static func request(_ id: Int, _ method: String = "status") -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\"}"
    }

    @Test func answer_whenOneRequest() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let calls = harness.calls(client, Self.request(7))
        #expect(calls.map(\.method) == ["status"])
        harness.server.answer(calls[0].token, ["state": "ok"])
        #expect(client.lines() == [["jsonrpc": "2.0", "id": 7, "result": ["state": "ok"]]])
    }

    @Test func request_whenItComesInHalves() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        client.send("{\"jsonrpc\":\"2.0\",\"id\":\"x\",")
        #expect(harness.settle().isEmpty)
        #expect(harness.calls(client, "\"method\":\"status\"}\r").count == 1)
    }

    @Test func requests_whenPipelined_mayBeAnsweredInAnyOrder() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let calls = harness.calls(client, (1...5).map { Self.request($0) }.joined(separator: "\n"))
        #expect(calls.count == 5)
        for call in calls.reversed() { harness.server.answer(call.token, true) }
        #expect(client.lines().map { $0["id"] } == [5, 4, 3, 2, 1])
    }

    @Test func garbage_isAnsweredAndTheConnectionStays() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        client.send([0xFF, 0x00, 0xFE, 0x0A])
        client.send("\n   \n{\"a\":1.5}\n[\n")
        harness.settle()
        let answers = client.lines()
        #expect(answers.map(\.errorNumber) == [-32700, -32700, -32700])
        #expect(answers[0]["id"] == .null)
        #expect(harness.calls(client, Self.request(1)).count == 1)
    }

    @Test(arguments: [
        ("[]", -32600, "one a line"),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}]", -32600, "one a line"),
        ("3", -32600, "JSON object"),
        ("{\"id\":1,\"method\":\"status\"}", -32600, "\"jsonrpc\""),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}", -32600, "\"jsonrpc\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600, "\"method\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"status\"}", -32600, "\"id\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"status\"}", -32600, "\"id\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"token\":1}", -32600, "\"token\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"status\"}", -32700, "twice"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[]}", -32602, "by name"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{\"verbose\":true}}", -32602, "\"verbose\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"meter.read\",\"params\":{}}", -32602, "\"serial\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"meter.read\",\"params\":{\"serial\":5}}", -32602, "\"serial\""),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events\",\"params\":{\"limit\":0}}", -32602, "1 to 1000"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events\",\"params\":{\"since\":\"soon\"}}", -32602, "2026-"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"meter.fly\"}", -32601, "\"meter.fly\""),
    ])
    func request_whenWrong_isRefusedNamingTheFault(line: String, number: Int64, words: String) throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        #expect(harness.calls(client, line).isEmpty)
        let answers = client.lines()
        #expect(answers.map(\.errorNumber) == [number])
        let text = answers[0].errorMessage + answers[0].errorHint
        #expect(text.contains(words), "\(text)")
        #expect(!answers[0].errorHint.isEmpty)
    }

    @Test func notification_isNeitherDoneNorAnswered() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        #expect(harness.calls(client, "{\"jsonrpc\":\"2.0\",\"method\":\"config.reload\"}").isEmpty)
        #expect(client.lines().isEmpty)
    }

    @Test func request_whenItsIDStillRuns_isRefused() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let first = harness.calls(client, Self.request(1))
        #expect(harness.calls(client, Self.request(1)).isEmpty)
        #expect(client.lines().map(\.errorNumber) == [-32600])
        harness.server.answer(first[0].token, true)
        #expect(harness.calls(client, Self.request(1)).count == 1)
    }

    @Test func line_ofOneMebibyte_isTaken_andOneByteMoreClosesTheConnection() throws {
        for (extra, isTaken) in [(0, true), (1, false)] {
            let harness = try ServerHarness()
            let client = try harness.connect()
            let start = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{}"
            let line = start + String(repeating: " ", count: (1 << 20) - start.utf8.count - 1 + extra) + "}\n"
            var rest = Array(line.utf8)[...]
            var events: [ControlEvent] = []
            for _ in 0..<400 where !rest.isEmpty {
                rest = rest.dropFirst(client.send(Array(rest.prefix(65_536))))
                events += harness.turn()
            }
            events += harness.settle()
            #expect(events.count == (isTaken ? 1 : 0))
            let answers = client.lines()
            #expect(answers.map(\.errorNumber) == (isTaken ? [] : [-32600]))
            #expect(client.isClosed != isTaken)
        }
    }

    @Test func line_whenNotFinishedInFiveSeconds_closesTheConnection() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        client.send("{\"jsonrpc\"")
        harness.settle()
        #expect(harness.server.nextWake == Uptime(seconds: 105))
        harness.now = Uptime(microseconds: 104_999_999)
        harness.settle()
        #expect(client.lines().isEmpty && !client.isClosed)
        harness.now = Uptime(seconds: 105)
        harness.settle()
        #expect(client.lines().map(\.errorMessage) == ["the line was not finished within 5 s"])
        #expect(client.isClosed)
        #expect(harness.server.nextWake == nil)
    }

    @Test func idleClient_mayStayForEver() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        #expect(harness.server.nextWake == nil)
        harness.now = Uptime(seconds: 1_000_000)
        #expect(harness.calls(client, Self.request(1)).count == 1)
        #expect(harness.server.nextWake == nil)
    }

    @Test func randomBytes_disturbNobodyElse() throws {
        let harness = try ServerHarness()
        let good = try harness.connect()
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let alphabet = Array("{}[]\",:\\\n0e-.tfn \r".utf8) + [0x00, 0x80, 0xC3, 0xFF]
        for _ in 0..<60 {
            let bad = try harness.connect()
            let bytes = (0..<200).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return alphabet[Int(state >> 33) % alphabet.count]
            }
            bad.send(bytes)
            #expect(harness.settle().isEmpty)
            for answer in bad.lines() { #expect(answer.errorNumber != nil) }
            bad.hangUp()
            harness.settle()
        }
        #expect(harness.calls(good, Self.request(1)).count == 1)
        #expect(harness.server.pollDescriptors.count == 3)
    }
}
