import Bus
import CLinux
import Drivers
import Foundation
import Metering
import Synchronization
import Testing

/// What a HAN port told, and a way to wait for it.
private final class HanLog: Sendable {
    private let events = Mutex<[HanEvent]>([])

    func append(_ new: [HanEvent]) { events.withLock { $0 += new } }
    var all: [HanEvent] { events.withLock { $0 } }

    /// Waits until the events satisfy something.
    func wait(_ holds: ([HanEvent]) -> Bool) -> Bool {
        let end = Date(timeIntervalSinceNow: EventLog.patience)
        while Date() < end {
            if holds(all) { return true }
            usleep(5000)
        }
        return holds(all)
    }
}

extension [HanEvent] {
    fileprivate var ups: Int { filter { $0 == .up }.count }
    fileprivate var reasons: [String] { compactMap { if case .down(let text) = $0 { text } else { nil } } }
    fileprivate var fragments: [HanFragment] {
        compactMap { if case .fragment(let fragment) = $0 { fragment } else { nil } }
    }
}

@Suite struct HanPortTests {
    /// A command ends with its closing tag and a line end.
    private static let cut: Peer.Cut = { $0.firstIndex(of: 0x0A).map { $0 + 1 } }
    private static let meterList = Act.send(
        Array("<MeterList>\r\n<DeviceMacId>0xd8d5b90000001234</DeviceMacId>\r\n</MeterList>\r\n".utf8))

    private func port(_ path: String, _ log: HanLog, code: String? = nil) throws -> HanPort {
        HanPort(device: path, installCode: try code.map { try InstallCode($0) }, clock: TestClock()) { log.append($0) }
    }

    @Test func command_isWritten_andItsAnswerBecomesAFragment() throws {
        let peer = try PtyPeer(cut: Self.cut) { _, _ in [Self.meterList] }
        defer { peer.stop() }
        let log = HanLog()
        let port = try port(peer.path, log)
        #expect(log.wait { $0.ups == 1 })
        #expect(port.write(HanCommand(.meterList).bytes))
        #expect(log.wait { $0.fragments.count == 1 })
        #expect(peer.requests == [HanCommand(.meterList).bytes])
        #expect(port.shutDown())
        #expect(log.all.reasons.isEmpty)
    }

    @Test func bytesUnasked_inPieces_areRead_andSecretsStayBehind() throws {
        let info = """
            <DeviceInfo><DeviceMacId>0xd8d5b90000001234</DeviceMacId><InstallCode>0x2cf02603038d9582</InstallCode>\
            <LinkKey>0x419bfc53fa83323a0824353f638e46f6</LinkKey><ModelId>Z109</ModlId></DeviceInfo>
            """
        let bytes = Array(info.utf8)
        let peer = try PtyPeer(cut: Self.cut) { _, _ in
            [.send(Array(bytes[..<100])), .pause(5), .send(Array(bytes[100...])), Self.meterList]
        }
        defer { peer.stop() }
        let log = HanLog()
        let port = try port(peer.path, log, code: "2CF02603038D9582")
        #expect(log.wait { $0.ups == 1 })
        port.write(HanCommand(.deviceInfo).bytes)
        #expect(log.wait { $0.fragments.count == 2 })
        guard case .device(let device)? = log.all.fragments.first else {
            Issue.record("\(log.all)")
            return
        }
        #expect(device.installCodeMatches == true && device.model == "Z109")
        let told = String(reflecting: log.all).lowercased()
        #expect(!told.contains("2cf026") && !told.contains("419bfc"))
        #expect(port.shutDown())
    }

    @Test func unplugged_isToldOnce_andComesBackByTheSameName() throws {
        let peer = try PtyPeer(cut: Self.cut) { _, _ in [Self.meterList] }
        let path = peer.path
        defer { try? FileManager.default.removeItem(at: URL(filePath: path).deletingLastPathComponent()) }
        let log = HanLog()
        let port = try port(path, log)
        #expect(log.wait { $0.ups == 1 })
        peer.stop()
        #expect(log.wait { $0.reasons.count == 1 })
        #expect(log.all.reasons.first?.contains("plug the HAN adapter in again") == true)
        let folder = URL(filePath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let again = try PtyPeer(at: path, cut: Self.cut) { _, _ in [Self.meterList] }
        defer { again.stop() }
        #expect(log.wait { $0.ups == 2 })
        port.write(HanCommand(.meterList).bytes)
        #expect(log.wait { $0.fragments.count == 1 })
        #expect(log.all.reasons.count == 1)
        #expect(port.shutDown())
    }

    @Test func missingDevice_saysWhatToDo_andEndsAtOnce() throws {
        let log = HanLog()
        let port = try port("/dev/serial/by-id/no-adapter", log)
        #expect(log.wait { $0.reasons.count == 1 })
        #expect(log.all.reasons.first?.contains("/dev/serial/by-id/no-adapter is not there") == true)
        #expect(port.shutDown())
        #expect(!port.write([1]))
    }

    @Test func flood_isBounded() throws {
        let fragment = Array("<TimeCluster><UTCTime>0x1</UTCTime></TimeCluster>".utf8)
        let peer = try PtyPeer(cut: Self.cut) { _, index in
            index > 0
                ? []
                : (0..<40).flatMap { _ in [Act.send(Array(repeatElement(fragment, count: 50).joined())), .pause(1)] }
        }
        defer { peer.stop() }
        let log = HanLog()
        let port = try port(peer.path, log)
        #expect(log.wait { $0.ups == 1 })
        port.write(HanCommand(.time).bytes)
        port.write(HanCommand(.time).bytes)
        #expect(log.wait { $0.contains(.damage("flood")) })
        // The peer hears the second command when all of the flood is out.
        #expect(log.wait { _ in peer.requests.count == 2 })
        #expect(port.shutDown())
        #expect(log.all.fragments.count < 1500)
    }
}
