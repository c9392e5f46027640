import Glibc
import Metering
import Testing

@testable import Control

/// Connections: hanging up, slow readers, too many, roles, progress.
@Suite struct ServerClientTests {
    private static func request(_ id: Int, _ method: String = "status", _ parameters: String = "{}") -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\",\"params\":\(parameters)}"
    }

    @Test func hangUp_whileARequestRuns_cancelsIt() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let calls = harness.calls(client, Self.request(1) + "\n" + Self.request(2))
        client.hangUp()
        #expect(harness.settle() == calls.map { .cancelled(token: $0.token) })
        harness.server.answer(calls[0].token, true)
        harness.server.progress(calls[1].token, ["done": 1])
        #expect(harness.server.pollDescriptors.count == 2)
    }

    @Test func endOfSending_stillGetsTheAnswer_andThenCloses() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        client.send(Self.request(1) + "\n")
        client.endSending()
        let events = harness.settle()
        guard case .call(let call)? = events.first, events.count == 1 else {
            Issue.record("\(events)")
            return
        }
        harness.server.answer(call.token, true)
        harness.settle()
        #expect(client.lines().count == 1)
        #expect(client.isClosed)
    }

    @Test func progress_comesBeforeTheAnswer_withTheRequestsID() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let call = harness.calls(client, Self.request(9, "ledger.verify"))[0]
        harness.server.progress(call.token, ["checked": 5, "total": 10])
        harness.server.answer(call.token, ["ok": true])
        harness.server.progress(call.token, ["checked": 10, "total": 10])
        let expected: JSONValue = [
            "jsonrpc": "2.0", "method": "progress", "params": ["request": 9, "checked": 5, "total": 10],
        ]
        let lines = client.lines()
        #expect(lines.first == expected)
        #expect(lines.last?["result"] == ["ok": true])
        #expect(lines.count == 2)
    }

    @Test func slowClient_isDroppedWhenTooMuchWaits() throws {
        let harness = try ServerHarness()
        let slow = try harness.connect()
        let other = try harness.connect()
        let watch = harness.calls(slow, Self.request(1, "meter.watch", "{\"serial\":\"1\"}"))[0]
        let block = JSONValue.string(String(repeating: "x", count: 60_000))
        var events: [ControlEvent] = []
        var sent = 0
        while events.isEmpty, sent < 1000 {
            harness.server.progress(watch.token, ["block": block])
            sent += 1
            events = harness.turn()
        }
        #expect(events == [.cancelled(token: watch.token)])
        #expect(sent * 60_000 > ServerClient.outputLimit && sent * 60_000 < 3 * ServerClient.outputLimit)
        #expect(harness.calls(other, Self.request(1)).count == 1)
    }

    @Test func stalledClient_isDroppedAfterThirtySeconds() throws {
        let harness = try ServerHarness()
        let slow = try harness.connect()
        let watch = harness.calls(slow, Self.request(1, "meter.watch", "{\"serial\":\"1\"}"))[0]
        let block = JSONValue.string(String(repeating: "x", count: 60_000))
        for _ in 0..<20 { harness.server.progress(watch.token, ["block": block]) }
        #expect(harness.server.nextWake == Uptime(seconds: 130))
        harness.now = Uptime(seconds: 130)
        #expect(harness.settle() == [.cancelled(token: watch.token)])
    }

    @Test func requests_whenManyArePipelined_areTakenSixteenAtATime() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        client.send((1...100).map { Self.request($0) + "\n" }.joined())
        var answered = 0
        for _ in 0..<100 where answered < 100 {
            let calls = harness.settle()
            #expect(calls.count <= 16)
            for case .call(let call) in calls { harness.server.answer(call.token, true) }
            answered += calls.count
            if answered < 100 { #expect(harness.server.nextWake == harness.now) }
        }
        #expect(client.lines().map { $0["id"]?.integer } == (1...100).map { Int64($0) })
    }

    @Test func waitingLines_areNotBlamedOnTheClient() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let lines = (1...17).map { Self.request($0) }.joined(separator: "\n")
        let calls = harness.calls(client, lines + "\n{\"half\"")
        #expect(calls.count == 16)
        harness.now = Uptime(seconds: 1000)
        harness.settle()
        #expect(client.lines().isEmpty)
        #expect(try #require(harness.server.nextWake) > harness.now)
        harness.server.answer(calls[0].token, true)
        #expect(harness.settle().count == 1)
        #expect(client.lines().count == 1)
    }

    @Test func client_beyondSixteen_isToldSo_andTheOtherSocketStaysOpen() throws {
        let harness = try ServerHarness()
        var clients: [RawClient] = []
        for _ in 0..<16 { clients.append(try harness.connect(.read)) }
        let late = try harness.connect(.read)
        #expect(late.lines().map(\.errorWord) == ["busy"])
        #expect(late.isClosed)
        #expect(harness.calls(try harness.connect(.control), Self.request(1)).count == 1)
        clients.removeLast().hangUp()
        harness.settle()
        #expect(harness.calls(try harness.connect(.read), Self.request(1)).count == 1)
    }

    @Test func answer_beyondOneMebibyte_becomesAnError() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let call = harness.calls(client, Self.request(1, "ledger.export"))[0]
        harness.server.answer(call.token, .string(String(repeating: "x", count: 1 << 20)))
        #expect(client.lines().map(\.errorWord) == ["too_large"])
    }

    @Test func failure_carriesWordMessageAndHint() throws {
        let harness = try ServerHarness()
        let client = try harness.connect()
        let call = harness.calls(client, Self.request(1, "meter.read", "{\"serial\":\"7\"}"))[0]
        #expect(call.parameters.string("serial") == "7")
        harness.server.fail(call.token, code: "no_reply", message: "meter 7 is silent", hint: "check its power")
        let expected: JSONValue = [
            "code": -32000, "message": "meter 7 is silent", "data": ["code": "no_reply", "hint": "check its power"],
        ]
        #expect(client.lines().map { $0["error"] } == [expected])
    }

    // MARK: Roles

    @Test func readSocket_givesViewers_andOnlyReadingMethods() throws {
        let harness = try ServerHarness()
        let client = try harness.connect(.read)
        #expect(harness.calls(client, Self.request(0)).map(\.role) == [.viewer])
        for (index, method) in ControlMethod.all.enumerated() where !method.readsOnly {
            #expect(harness.calls(client, Self.request(index + 1, method.name)).isEmpty)
            let answer = client.lines()
            #expect(answer.map(\.errorWord) == ["permission"], "\(method.name)")
            #expect(answer[0].errorHint.contains(method.authority == .owner ? "sudo" : "join the group meterside "))
        }
    }

    @Test func parameter_ofTheOwner_isRefusedToAViewer() throws {
        let harness = try ServerHarness()
        let call = Self.request(1, "config.check", "{\"file\":\"/etc/shadow\"}")
        let viewer = try harness.connect(.read)
        #expect(harness.calls(viewer, call).isEmpty)
        #expect(viewer.lines().map(\.errorWord) == ["permission"])
        #expect(harness.calls(try harness.connect(), call).count == 1)
    }

    @Test func controlSocket_givesTheDaemonsOwnUserTheOwnersRole() throws {
        let harness = try ServerHarness()
        let calls = harness.calls(try harness.connect(), Self.request(1, "config.reload"))
        #expect(calls.map(\.role) == [.owner])
        #expect(calls.map(\.uid) == [geteuid()])
    }

    @Test func role_followsUserAndGroups() {
        func role(_ socket: ControlSocket, user: UInt32, groups: [UInt32], installers: UInt32? = 50) -> Role? {
            socket.role(of: PeerIdentity(user: user, groups: groups), installers: installers, ownUser: 990)
        }
        #expect(role(.control, user: 0, groups: [0]) == .owner)
        #expect(role(.control, user: 990, groups: [990]) == .owner)
        #expect(role(.control, user: 1000, groups: [1000, 50]) == .installer)
        #expect(role(.control, user: 1000, groups: [50]) == .installer)
        #expect(role(.control, user: 1000, groups: [1000, 0]) == nil)
        #expect(role(.control, user: 1000, groups: [1000], installers: nil) == nil)
        #expect(role(.read, user: 0, groups: [0]) == .viewer)
        #expect(role(.read, user: 1000, groups: [51]) == .viewer)
    }
}
