import Foundation
import Metering
import Testing

@testable import Upstream

@Suite(.enabled(if: TestBroker.isInstalled, "needs Debian's mosquitto and mosquitto-clients"))
struct MqttTransportTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func publish_whenConnected_reachesTheBroker() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        #expect(box.transport.publish(topic: "state", payload: bytes(#"{"state":"online"}"#), retained: true))
        try waitUntil("the broker acknowledges") { box.transport.statistics.acknowledged == 1 }
        #expect(try broker.retained("meterside/BOX1/state") == #"{"state":"online"}"#)
        #expect(box.transport.statistics.outstanding == 0)
    }

    @Test func publish_whenThereIsNoBroker_isFalseAndSaysWhy() throws {
        let port = TestBroker.freePort()
        let box = try TestTransport(
            MqttSettings(endpoint: MqttEndpoint(url: "mqtt://127.0.0.1:\(port)"), box: "BOX1", clientID: "BOX1"))
        let reason = try box.waitForReason()
        #expect(reason == "127.0.0.1:\(port): connection refused")
        #expect(!box.transport.publish(topic: "state", payload: []))
        usleep(1_500_000)
        #expect(box.reasons.count == 1, "one word for one reason, however many attempts")
    }

    @Test func message_whenPublishedOnOurTopics_isDelivered() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        try broker.publish("meterside/BOX1/command", bytes("a.b.c"))
        try broker.publish("meterside/BOX1/receipt", bytes(#"{"upto":7}"#))
        try broker.publish("meterside/BOX2/command", bytes("for another"))
        try broker.publish("meterside/BOX1/command", [])
        try box.waitFor("the empty command") { $0 == .command([], retained: false) }
        #expect(
            box.events == [
                .connected, .command(bytes("a.b.c"), retained: false),
                .receipt(bytes(#"{"upto":7}"#), retained: false), .command([], retained: false),
            ])
    }

    @Test func command_whenRetained_isKnownAsRetained() throws {
        let broker = try TestBroker()
        let topic = "meterside/BOX1/command"
        try broker.publish(topic, bytes("old"), retained: true)
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        // Sent while we are there, it comes with its flag; the one from before does not come at all.
        try broker.publish(topic, bytes("new"), retained: true)
        try box.waitFor("the retained command") { $0 == .command(bytes("new"), retained: true) }
        #expect(!box.events.contains(.command(bytes("old"), retained: true)))
    }

    @Test func command_whenTooLong_isCutAndTheConnectionStays() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        let topic = "meterside/BOX1/command"
        try broker.publish(topic, [UInt8](repeating: 65, count: 200_000))
        try broker.publish(topic, [UInt8](repeating: 66, count: 17_000))
        try broker.publish(topic, [UInt8](repeating: 67, count: 16_384))
        try box.waitFor("the one that fits") { $0 == .command([UInt8](repeating: 67, count: 16_384), retained: false) }
        // The broker may not send what is over Maximum Packet Size; what is between the bounds arrives and is seen.
        #expect(
            box.events.dropFirst().first
                == .command([UInt8](repeating: 66, count: MqttTransport.longestPayload), retained: false))
        #expect(box.reasons.isEmpty)
    }

    @Test func connection_whenBrokerIsKilledAndComesBack_isMadeAnew() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        broker.kill()
        _ = try box.waitForReason()
        #expect(!box.transport.publish(topic: "journal", payload: bytes("{}")))
        usleep(1_000_000)
        try broker.start()
        try box.waitForConnection(count: 2)
        #expect(box.transport.publish(topic: "journal", payload: bytes("{}")))
        try waitUntil("the broker acknowledges") { box.transport.statistics.acknowledged == 1 }
        try broker.publish("meterside/BOX1/command", bytes("again"))
        try box.waitFor("a command on the new connection") { $0 == .command(bytes("again"), retained: false) }
    }

    @Test func will_whenConnectionBreaks_isPublished() throws {
        let broker = try TestBroker()
        do {
            let connection = try MqttConnection(settings: broker.settings, isPatient: false)
            try waitUntil("up") {
                usleep(20_000)
                try connection.advance(0)
                return connection.isUp
            }
            try connection.publish(
                MqttMessage(topic: "meterside/BOX1/state", payload: bytes("online"), retained: true))
            try waitUntil("acknowledged") {
                try connection.read()
                return connection.acknowledged == 1
            }
        }
        // The client object is gone without a good-bye.
        try waitUntil("the will") { try broker.retained("meterside/BOX1/state") == #"{"state":"offline"}"# }
    }

    @Test func stop_sendsWhatIsOnItsWayAndTheWill() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        for number in 0..<100 {
            #expect(box.transport.publish(topic: "last", payload: bytes("\(number)"), retained: true))
        }
        #expect(box.transport.stop(within: 5000))
        #expect(!box.transport.publish(topic: "last", payload: []))
        #expect(box.transport.statistics.acknowledged == 100)
        let last = try broker.retained("meterside/BOX1/last")
        #expect(last == "99")
        #expect(try broker.retained("meterside/BOX1/state") == #"{"state":"offline"}"#)
        #expect(box.reasons.isEmpty)
    }

    @Test func session_whenWeWereAway_keepsCommands() throws {
        let broker = try TestBroker()
        let first = try TestTransport(broker.settings)
        try first.waitForConnection()
        #expect(first.transport.stop(within: 5000))
        try broker.publish("meterside/BOX1/command", bytes("while away"))
        let second = try TestTransport(broker.settings)
        try second.waitFor("the kept command") { $0 == .command(bytes("while away"), retained: false) }
    }

    @Test func session_whenAnotherClientTakesItOver_tellsSoEachTime() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        let copy = try TestTransport(broker.settings)
        try copy.waitForConnection()
        try box.waitFor("the take-over") { $0 == .takenOver }
        // The first one comes back, and the copy is told too.
        try copy.waitFor("the take-over by the first") { $0 == .takenOver }
    }

    @Test func publish_whenBrokerStalls_isBounded_andTellsOfRoom() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        broker.freeze()
        let taken = (0..<1000).count { _ in box.transport.publish(topic: "x", payload: bytes("payload")) }
        #expect(taken == MqttTransport.mostOutstanding)
        broker.thaw()
        try box.waitFor("room") { $0 == .room }
        try waitUntil("all are acknowledged") { box.transport.statistics.outstanding == 0 }
        #expect(box.transport.statistics.acknowledged == taken)
        #expect(box.transport.publish(topic: "x", payload: bytes("payload")))
    }

    @Test func publish_whenBytesAreTooMany_isBounded() throws {
        let broker = try TestBroker()
        let box = try TestTransport(broker.settings)
        try box.waitForConnection()
        broker.freeze()
        let large = [UInt8](repeating: 65, count: 64 * 1024)
        let taken = (0..<100).count { _ in box.transport.publish(topic: "journal", payload: large) }
        #expect(taken == MqttTransport.mostOutstandingBytes / large.count)
        broker.thaw()
        try waitUntil("all are acknowledged") { box.transport.statistics.acknowledged == taken }
    }

    @Test func connection_whenNotAuthorised_saysSo() throws {
        let broker = try TestBroker(options: "allow_anonymous false")
        let box = try TestTransport(broker.settings)
        let reason = try box.waitForReason()
        #expect(reason == "the broker refuses us: not authorized")
    }

    @Test func subscription_whenDenied_saysSo() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "mqtt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let acl = folder.appending(path: "acl")
        try "topic write meterside/BOX1/#\ntopic read meterside/BOX1/receipt\n"
            .write(to: acl, atomically: true, encoding: .utf8)
        let broker = try TestBroker(options: "allow_anonymous true\nacl_file \(acl.path)", folder: folder)
        let box = try TestTransport(broker.settings)
        try waitUntil("an end: \(box.events)") { !box.events.isEmpty }
        // This broker grants every subscription and withholds the messages; others answer 0x87.
        #expect(box.events.first == .connected || box.reasons.first?.contains("subscribe") == true)
    }
}
