import Foundation
import Glibc
import Metering
import Testing

@testable import Upstream

/// What we say on the wire, and what becomes of a peer that answers nonsense. The peer is a bare socket.
struct MqttWireTests {
    /// Accepts connections and answers each with the same bytes.
    private final class Peer: @unchecked Sendable {
        let port: UInt16
        private let listener: Int32
        private let lock = NSLock()
        private var bytes: [UInt8] = []

        init(answers: [UInt8], closes: Bool = false) throws {
            port = TestBroker.freePort()
            listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var on: Int32 = 1
            setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            var address = TestBroker.loopback(port: port)
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            try #require(bound == 0 && listen(listener, 4) == 0)
            Thread.detachNewThread { [self] in serve(answers, closes) }
        }

        func end() { shutdown(listener, Int32(SHUT_RDWR)) }

        var received: [UInt8] { lock.withLock { bytes } }

        private func serve(_ answers: [UInt8], _ closes: Bool) {
            defer { close(listener) }
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                defer { close(client) }
                var buffer = [UInt8](repeating: 0, count: 4096)
                var isAnswered = false
                while true {
                    let count = read(client, &buffer, buffer.count)
                    guard count > 0 else { break }
                    lock.withLock { bytes += buffer[..<count] }
                    if !isAnswered { _ = send(client, answers, answers.count, Int32(MSG_NOSIGNAL)) }
                    isAnswered = true
                    if closes { break }
                }
            }
        }
    }

    private func settings(_ peer: Peer, url: String = "mqtt") throws -> MqttSettings {
        MqttSettings(
            endpoint: try MqttEndpoint(url: "\(url)://127.0.0.1:\(peer.port)"), box: "B1", clientID: "B1",
            keepaliveSeconds: 60)
    }

    /// CONNACK: session not present, success, no properties.
    private static let accepted: [UInt8] = [0x20, 3, 0, 0, 0]

    @Test func connect_saysWhatTheContractSays() throws {
        let peer = try Peer(answers: Self.accepted)
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        let connect: [UInt8] =
            [0x10, 70, 0, 4] + Array("MQTT".utf8) + [
                5, 0x2C,  // will retained, QoS 1, will; Clean Start off
                0, 60, 13,
                0x11, 0x00, 0x09, 0x3A, 0x80,  // Session Expiry 604,800 s
                0x27, 0x00, 0x00, 0x50, 0x00,  // Maximum Packet Size 20,480
                0x21, 0x00, 0x08,  // Receive Maximum 8
            ] + [0, 2] + Array("B1".utf8) + [0, 0, 18] + Array("meterside/B1/state".utf8) + [0, 19]
            + Array(#"{"state":"offline"}"#.utf8)
        // Retain Handling 2, Retain As Published, QoS 1: 0x29.
        let topics: [UInt8] =
            [0, 20] + Array("meterside/B1/receipt".utf8) + [0x29, 0, 20] + Array("meterside/B1/command".utf8) + [0x29]
        let subscribe: [UInt8] = [0x82, UInt8(topics.count + 3), 0, 1, 0] + topics
        try waitUntil("the subscriptions") { peer.received.count >= connect.count + subscribe.count }
        let told = peer.received
        #expect(Array(told.prefix(connect.count)) == connect)
        #expect(Array(told.dropFirst(connect.count)) == subscribe)
        #expect(!box.events.contains(.connected), "not before both subscriptions are granted")
    }

    @Test func subscription_whenRefused_endsTheConnection() throws {
        let peer = try Peer(answers: Self.accepted + [0x90, 4, 0, 1, 0, 0x87])
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        let reason = try box.waitForReason()
        #expect(reason == "the broker does not let us subscribe below meterside/B1/: not authorized")
    }

    @Test(arguments: [
        (0x84, "the broker does not speak MQTT 5"), (0x86, "the broker refuses us: bad user name or password"),
        (0x87, "the broker refuses us: not authorized"), (0x88, "the broker says: server unavailable"),
    ])
    func connack_whenRefused_isToldInWords(code: UInt8, words: String) throws {
        let peer = try Peer(answers: [0x20, 3, 0, code, 0])
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        let reason = try box.waitForReason()
        #expect(reason == words)
    }

    @Test func session_whenAnotherClientTakesItOver_saysSo() throws {
        let granted: [UInt8] = [0x90, 5, 0, 1, 0, 1, 1]
        let peer = try Peer(answers: Self.accepted + granted + [0xE0, 2, 0x8E, 0])
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        let reason = try box.waitForReason()
        #expect(reason == "another client took over the session of client id B1")
    }

    @Test(arguments: [
        [UInt8](repeating: 0xFF, count: 64), Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
        [0x20, 0xFF, 0xFF, 0xFF, 0xFF],
        [0x20, 3, 0, 0, 0, 0x30, 2, 0, 0], [0x20, 3, 0, 0, 0, 0x32, 5, 0, 9, 65, 66, 67], [0x90, 4, 0, 1, 0, 1],
        [0x20, 3, 0, 0, 0, 0x90, 0], [0x20, 3, 0, 0, 0, 0x40, 2, 0, 1],
    ])
    func peer_whenItTalksNonsense_isLeftWithAReason(answers: [UInt8]) throws {
        let peer = try Peer(answers: answers)
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        try waitUntil("CONNECT") { !peer.received.isEmpty }
        usleep(300_000)
        #expect(!box.events.contains(.connected))
        #expect(!box.transport.publish(topic: "x", payload: []))
    }

    @Test func peer_whenItClosesAtOnce_isToldInWords() throws {
        let peer = try Peer(answers: [], closes: true)
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        let reason = try box.waitForReason()
        #expect(reason == "the broker closed the connection before it answered; does it expect TLS?")
    }

    @Test func peer_whenItSpeaksNoTls_isToldInWords() throws {
        let peer = try Peer(answers: Self.accepted)
        defer { peer.end() }
        let box = try TestTransport(try settings(peer, url: "mqtts"))
        let reason = try box.waitForReason()
        #expect(reason == "the broker does not speak TLS on port \(peer.port)")
    }

    @Test func connection_whenThePeerNeverAnswers_canBeStopped() throws {
        let peer = try Peer(answers: [])
        defer { peer.end() }
        let box = try TestTransport(try settings(peer))
        try waitUntil("CONNECT") { !peer.received.isEmpty }
        #expect(box.transport.stop(within: 3000))
    }
}
