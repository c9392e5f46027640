import Foundation
import Glibc
import Metering
import Testing

@testable import Control

/// The command line's side of the socket.
@Suite struct ControlClientTests {
    private static func connect(_ address: ControlAddress) throws(ControlError) -> ControlClient {
        try ControlClient(address, readsOnly: true, clock: realUptime)
    }

    @Test func call_givesTheAnswer_andItsProgressBefore() throws {
        let daemon = try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            for step in 1...3 { server.progress(call.token, ["done": .integer(Int64(step))]) }
            server.answer(call.token, ["method": .string(call.method)])
        }
        let client = try Self.connect(daemon.address())
        var steps: [Int64] = []
        for method in ["status", "doctor"] {
            let answer = try client.call(method) { members in
                steps.append(members["done"]?.integer ?? 0)
                return true
            }
            #expect(answer == ["method": .string(method)])
        }
        #expect(steps == [1, 2, 3, 1, 2, 3])
    }

    @Test func call_whenRefused_hasTheDaemonsWords() throws {
        let daemon = try ThreadedServer { server, event in
            guard case .call(let call) = event else { return }
            server.fail(call.token, code: "port_down", message: "port a is gone", hint: "plug it in")
        }
        let client = try Self.connect(daemon.address())
        let problem = ControlProblem(code: "port_down", message: "port a is gone", hint: "plug it in")
        #expect(throws: ControlError.refused(problem)) { try client.call("status") }
    }

    @Test func call_whenNobodyAnswers_endsAfterTheSilence() throws {
        let daemon = try ThreadedServer { _, _ in }
        let client = try Self.connect(daemon.address())
        #expect(throws: ControlError.timeout(method: "status", seconds: 1)) { try client.call("status", silence: 1) }
    }

    @Test func call_whenInterrupted_endsAndTheDaemonHearsOfIt() throws {
        let cancelled = DispatchSemaphore(value: 0)
        let daemon = try ThreadedServer { server, event in
            switch event {
            case .call(let call): server.progress(call.token, ["tried": 1])
            case .cancelled: cancelled.signal()
            }
        }
        var isInterrupted = false
        var client: ControlClient? = try ControlClient(
            daemon.address(), readsOnly: false, clock: realUptime, isInterrupted: { isInterrupted })
        #expect(throws: ControlError.interrupted) {
            try client?.call("meter.scan", ["port": "a"], silence: nil) { _ in
                isInterrupted = true
                return true
            }
        }
        client = nil
        #expect(cancelled.wait(timeout: .now() + 10) == .success)
    }

    @Test func call_whenTheDaemonGoesAway_saysSo() throws {
        let daemon = try ThreadedServer { server, event in
            if case .call = event { server.close() }
        }
        let client = try Self.connect(daemon.address())
        #expect(throws: ControlError.disconnected) { try client.call("status") }
    }

    @Test func call_whenTheOtherSideSpeaksOtherwise_saysSo() throws {
        let folder = try TemporaryFolder()
        let listener = try SystemCall.socket()
        defer { Glibc.close(listener) }
        _ = try SystemCall.withAddress(folder.file("control.sock")) { bind(listener, $0, $1) }
        try #require(listen(listener, 1) == 0)
        let client = try Self.connect(ControlAddress(path: folder.file("control.sock")))
        let peer = accept(listener, nil, nil)
        defer { Glibc.close(peer) }
        _ = SystemCall.write(peer, Array("HTTP/1.1 400 Bad Request\r\n".utf8)[...])
        #expect(throws: ControlError.protocolBroken("a line that is no answer")) { try client.call("status") }
    }

    @Test func call_whenTheRequestIsTooLong_isNotSent() throws {
        let daemon = try ThreadedServer { _, _ in }
        let client = try Self.connect(daemon.address())
        #expect(throws: ControlError.requestTooLong) {
            try client.call("command.send", ["args": .string(String(repeating: "x", count: 1 << 20))])
        }
    }

    @Test func connect_whenNobodyListens_asksWhetherTheDaemonRuns() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("control.sock")
        for _ in 0..<2 {
            #expect(throws: ControlError.notRunning(path)) { try Self.connect(ControlAddress(path: path)) }
            // The second time with a stale socket.
            let descriptor = try SystemCall.socket()
            _ = try SystemCall.withAddress(path) { bind(descriptor, $0, $1) }
            Glibc.close(descriptor)
        }
        let error = ControlError.notRunning(path)
        #expect(error.code == "daemon_absent")
        #expect(error.hint.contains("systemctl status metersided"))
    }

    @Test func permissionError_namesTheExactGroup() {
        let control = ControlAddress(path: "/run/meterside/control.sock")
        let read = ControlAddress(path: "/run/meterside/read.sock")
        #expect(control.group == "meterside")
        #expect(read.group == "meterside-read")
        #expect(control.reading == "/run/meterside/read.sock")
        #expect(read.reading == nil)
        let error = ControlError.permission(path: read.path, group: read.group)
        #expect(error.hint.contains("usermod -aG meterside-read "))
        #expect(error.code == "permission")
    }

    @Test func address_optionWinsOverEnvironmentOverStandard() {
        #expect(ControlAddress(option: "/a", environment: "/b").path == "/a")
        #expect(ControlAddress(option: nil, environment: "/b").path == "/b")
        #expect(ControlAddress(option: "", environment: "").path == "/run/meterside/control.sock")
    }
}
