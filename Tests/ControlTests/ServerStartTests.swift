import Foundation
import Glibc
import Metering
import Testing

@testable import Control

/// Taking and leaving the runtime directory.
@Suite struct ServerStartTests {
    private static func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func start_makesBothSocketsForTheirGroups() throws {
        let own = try #require(getgrgid(getegid())).pointee.gr_name.map { String(cString: $0) } ?? ""
        let harness = try ServerHarness(groups: SocketGroups(control: own, read: own))
        #expect(Self.mode(harness.folder.file("control.sock")) == 0o660)
        #expect(Self.mode(harness.folder.file("read.sock")) == 0o660)
        #expect(harness.server.notes.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.folder.path).count == 2)
    }

    @Test func start_whenTheGroupsAreMissing_saysHowToMakeThem() throws {
        let harness = try ServerHarness(groups: SocketGroups(control: "no-such-group-a", read: "no-such-group-b"))
        #expect(harness.server.notes.count == 2)
        #expect(harness.server.notes[0].contains("groupadd --system no-such-group-a"))
        #expect(harness.server.notes[1].contains("read.sock"))
        #expect(Self.mode(harness.folder.file("control.sock")) == 0o660)
    }

    @Test func start_replacesStaleSockets() throws {
        let folder = try TemporaryFolder()
        // A daemon that was killed leaves its sockets behind.
        for name in ["control.sock", "read.sock"] {
            let descriptor = try SystemCall.socket()
            _ = try SystemCall.withAddress(folder.file(name)) { bind(descriptor, $0, $1) }
            Glibc.close(descriptor)
        }
        let server = try ControlServer(runtimeDirectory: folder.path)
        _ = try RawClient(folder.file("control.sock"))
        server.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func start_whenAnotherDaemonRuns_isRefusedAndLeavesItAlone() throws {
        let harness = try ServerHarness()
        #expect(throws: ControlError.alreadyRunning(harness.folder.path)) {
            try ControlServer(runtimeDirectory: harness.folder.path)
        }
        let client = try harness.connect()
        #expect(harness.calls(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}").count == 1)
    }

    @Test func start_whenAStrangerListensThere_isRefused() throws {
        let folder = try TemporaryFolder()
        let descriptor = try SystemCall.socket()
        defer { Glibc.close(descriptor) }
        _ = try SystemCall.withAddress(folder.file("read.sock")) { bind(descriptor, $0, $1) }
        try #require(listen(descriptor, 1) == 0)
        #expect(throws: ControlError.alreadyRunning(folder.path)) {
            try ControlServer(runtimeDirectory: folder.path)
        }
    }

    @Test func start_afterAnotherOneClosed_works() throws {
        let folder = try TemporaryFolder()
        for _ in 0..<3 { try ControlServer(runtimeDirectory: folder.path).close() }
    }

    @Test func start_makesTheDirectory_butNotItsParents() throws {
        let folder = try TemporaryFolder()
        try ControlServer(runtimeDirectory: folder.file("run")).close()
        #expect(throws: ControlError.system("cannot make the runtime directory \(folder.file("a/b"))", errno: ENOENT)) {
            try ControlServer(runtimeDirectory: folder.file("a/b"))
        }
    }

    @Test func start_whenThePathIsTooLong_saysSo() throws {
        let folder = try TemporaryFolder()
        let long = folder.file(String(repeating: "x", count: 100))
        do {
            _ = try ControlServer(runtimeDirectory: long)
            Issue.record("it started")
        } catch {
            #expect(error.code == "usage")
            #expect(error.message.contains("107"))
        }
    }
}
