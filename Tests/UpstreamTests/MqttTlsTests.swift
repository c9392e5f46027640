import Foundation
import Metering
import Testing

@testable import Upstream

@Suite(.enabled(if: TestBroker.isInstalled, "needs Debian's mosquitto and mosquitto-clients"))
struct MqttTlsTests {
    /// A folder with an authority and certificates made by openssl.
    private struct Certificates {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "mqtt-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try authority("ca")
        }

        func path(_ name: String) -> String { folder.appending(path: name).path }

        func authority(_ name: String) throws {
            try openssl(
                "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).crt",
                "-days", "2", "-subj", "/CN=\(name)")
        }

        /// Signed by `ca`, valid from yesterday for `days` days.
        func issue(_ name: String, names: String, days: Int = 3, by ca: String = "ca") throws {
            try openssl(
                "req", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj",
                "/CN=\(name)")
            try "subjectAltName=\(names)\n".write(
                toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
            try openssl(
                "x509", "-req", "-in", "\(name).csr", "-CA", "\(ca).crt", "-CAkey", "\(ca).key", "-CAcreateserial",
                "-days", "\(days)", "-extfile", "\(name).ext", "-out", "\(name).crt")
        }

        private func openssl(_ arguments: String...) throws {
            let (status, output) = try run("/usr/bin/openssl", arguments, in: folder)
            try #require(status == 0, "openssl \(arguments): \(output)")
        }

        func broker(_ name: String = "server", wantsCertificate: Bool = false) throws -> TestBroker {
            try TestBroker(
                options: """
                    allow_anonymous true
                    cafile \(path("ca.crt"))
                    certfile \(path("\(name).crt"))
                    keyfile \(path("\(name).key"))
                    require_certificate \(wantsCertificate)
                    """, folder: folder)
        }

        func settings(
            _ broker: TestBroker, host: String = "localhost", ca: String = "ca.crt", client: String? = nil
        ) throws -> MqttSettings {
            MqttSettings(
                endpoint: try MqttEndpoint(url: "mqtts://\(host):\(broker.port)"), box: "BOX1", clientID: "BOX1",
                ca: path(ca), certificate: client.map { path("\($0).crt") }, key: client.map { path("\($0).key") })
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func connection_whenEverythingIsRight_carriesMessages(host: String) throws {
        let files = try Certificates()
        try files.issue("server", names: "DNS:localhost,IP:127.0.0.1")
        try files.issue("client", names: "DNS:BOX1")
        let broker = try files.broker(wantsCertificate: true)
        let box = try TestTransport(files.settings(broker, host: host, client: "client"))
        try box.waitForConnection()
        for number in 0..<200 {
            #expect(box.transport.publish(topic: "x", payload: Array("\(number)".utf8)))
        }
        try waitUntil("all are acknowledged") { box.transport.statistics.acknowledged == 200 }
    }

    @Test func broker_whenSignedByAnotherAuthority_isRefused() throws {
        let files = try Certificates()
        try files.authority("other")
        try files.issue("server", names: "DNS:localhost")
        let broker = try files.broker()
        let box = try TestTransport(files.settings(broker, ca: "other.crt"))
        let reason = try box.waitForReason()
        #expect(reason == "the broker's certificate is not signed by \(files.path("other.crt"))")
    }

    @Test func broker_whenItsCertificateHasExpired_isRefused() throws {
        let files = try Certificates()
        try files.issue("server", names: "DNS:localhost", days: -1)
        let broker = try files.broker()
        let box = try TestTransport(files.settings(broker))
        let reason = try box.waitForReason()
        #expect(reason == "the broker's certificate, or its authority's, has expired")
    }

    @Test(arguments: ["DNS:broker.example", "DNS:localhost.example,DNS:*.localhost", "IP:127.0.0.2"])
    func broker_whenItsCertificateIsForAnotherHost_isRefused(names: String) throws {
        let files = try Certificates()
        try files.issue("server", names: names)
        let broker = try files.broker()
        let box = try TestTransport(files.settings(broker))
        let reason = try box.waitForReason()
        #expect(reason == "the broker's certificate is not for localhost")
    }

    @Test func ourCertificate_whenMissing_isAskedForInWords() throws {
        let files = try Certificates()
        try files.issue("server", names: "DNS:localhost")
        let broker = try files.broker(wantsCertificate: true)
        let box = try TestTransport(files.settings(broker))
        let reason = try box.waitForReason()
        // With TLS 1.3 the refusal comes after our handshake; now and then the library only sees the line break off.
        let words = [
            "the broker wants a client certificate; set certificate and key in [mqtt]",
            "the broker broke off after the TLS handshake; does it accept our certificate?",
        ]
        #expect(words.contains(reason), "\(reason)")
    }

    @Test func ourCertificate_whenOfAnotherAuthority_isRefusedInWords() throws {
        let files = try Certificates()
        try files.authority("other")
        try files.issue("server", names: "DNS:localhost")
        try files.issue("client", names: "DNS:BOX1", by: "other")
        let broker = try files.broker(wantsCertificate: true)
        let box = try TestTransport(files.settings(broker, client: "client"))
        let reason = try box.waitForReason()
        // With TLS 1.3 the refusal comes after our handshake; now and then the library only sees the line break off.
        let words = [
            "the broker does not accept our certificate",
            "the broker broke off after the TLS handshake; does it accept our certificate?",
        ]
        #expect(words.contains(reason), "\(reason)")
    }

    @Test func settings_whenAFileIsMissing_nameIt() throws {
        let files = try Certificates()
        try files.issue("server", names: "DNS:localhost")
        let broker = try files.broker()
        let box = try TestTransport(files.settings(broker, ca: "none.crt"))
        let reason = try box.waitForReason()
        #expect(reason == "[mqtt] ca: \(files.path("none.crt")): no such file or directory")
    }

    @Test func stop_whenWaitingAfterARefusal_isHeard() throws {
        let files = try Certificates()
        try files.issue("server", names: "DNS:elsewhere")
        let broker = try files.broker()
        let box = try TestTransport(files.settings(broker))
        _ = try box.waitForReason()
        #expect(box.transport.stop(within: 3000))
    }
}
