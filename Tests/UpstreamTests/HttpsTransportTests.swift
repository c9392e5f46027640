import Foundation
import Glibc
import Metering
import Simulator
import Testing

@testable import Upstream

struct HttpsTransportTests {
    private let validate = HttpsRequest(
        .get, "/mdp/validate?repositBox=BOX1",
        headers: [HttpsRequest.Header("Authorization", "Bearer " + StubCredentials.repositKey)])
    private let connected = HttpsRequest(
        .post, "/mdp/connected",
        headers: [
            HttpsRequest.Header("Authorization", "Bearer " + StubCredentials.repositKey),
            HttpsRequest.Header("Content-Type", "application/json"),
        ], body: Array("{\"meterSerialNumber\":\"1\"}".utf8))

    private func endpoint(_ server: StubServer, total: Int = 5000) throws -> HttpsEndpoint {
        var endpoint = HttpsEndpoint(address: try server.address())
        endpoint.totalTime = total
        return endpoint
    }

    @Test func request_whenTheServerIsWell_isAnsweredWhole() throws {
        let server = try StubServer()
        let reply = try #require(try TestHttps().send(endpoint(server), validate).reply)
        #expect(reply.status == 200)
        #expect(WireJSON(reply.body)?["connected"]?.bool == false)
        #expect(server.words == ["GET /mdp/validate?repositBox=BOX1 200"])
        #expect(server.log.first?.authorisation == "good")
    }

    @Test func requests_sideBySide_areNotHeldUpByAHangingOne() throws {
        let server = try StubServer()
        server.trouble(.deaf)
        let https = try TestHttps()
        #expect(https.begin(7, try endpoint(server, total: 60_000), connected))
        try waitUntil("it hangs") { server.log.count == 1 }
        #expect(try https.send(endpoint(server), validate).reply?.status == 200)
        https.cancel(7)
        let failure = try #require(try https.result(7).failure)
        #expect(failure.kind == .cancelled)
        #expect(failure.mayHaveArrived)
    }

    @Test func retryAfter_isRead() throws {
        let server = try StubServer()
        server.trouble(.status(429, retryAfter: 17))
        let reply = try #require(try TestHttps().send(endpoint(server), validate).reply)
        #expect(reply.status == 429)
        #expect(reply.retryAfter == 17)
    }

    @Test(arguments: [StubTrouble.hang, .deaf, .drip(40)])
    func deadline_coversTheWholeAnswer(trouble: StubTrouble) throws {
        let server = try StubServer()
        server.trouble(trouble)
        let failure = try #require(try TestHttps().send(endpoint(server, total: 400), connected).failure)
        #expect(failure.kind == .timeout)
        #expect(failure.mayHaveArrived)
    }

    @Test func answer_whenCutInTheMiddle_isNoAnswer() throws {
        let server = try StubServer()
        server.trouble(.cut)
        let failure = try #require(try TestHttps().send(endpoint(server), connected).failure)
        #expect(failure.kind == .broken)
        #expect(failure.mayHaveArrived)
        #expect(server.log.count == 1, "it was sent again by itself")
    }

    @Test func answer_whenEndless_isRefused() throws {
        let server = try StubServer()
        server.trouble(.flood)
        let failure = try #require(try TestHttps().send(endpoint(server), validate).failure)
        #expect(failure.kind == .tooLarge)
    }

    @Test func redirect_isNeverFollowed() throws {
        let (server, elsewhere) = (try StubServer(), try StubServer())
        server.trouble(.redirect("http://127.0.0.1:\(elsewhere.port)/mdp/connected"))
        let failure = try #require(try TestHttps().send(endpoint(server), connected).failure)
        #expect(failure.kind == .redirected)
        #expect(elsewhere.log.isEmpty)
    }

    @Test func server_whenNotThere_wasNotReached() throws {
        let gone = try StubServer()
        let port = gone.port
        let unused = TestBroker.freePort()
        let endpoint = HttpsEndpoint(address: try HttpsAddress(url: "http://127.0.0.1:\(unused)"))
        let failure = try #require(try TestHttps().send(endpoint, connected).failure)
        #expect(failure.kind == .unreachable)
        #expect(!failure.mayHaveArrived)
        #expect(port > 0)
    }

    @Test func proxy_whenConfigured_isAsked() throws {
        let (server, proxy) = (try StubServer(), try StubServer())
        var endpoint = try endpoint(server)
        endpoint.proxy = "http://127.0.0.1:\(proxy.port)"
        _ = try TestHttps().send(endpoint, validate)
        #expect(server.log.isEmpty)
        #expect(proxy.log.first?.target == "http://127.0.0.1:\(server.port)/mdp/validate?repositBox=BOX1")
    }

    @Test func header_withALineEnd_isRefusedHere() throws {
        let server = try StubServer()
        let bad = HttpsRequest(.get, "/", headers: [HttpsRequest.Header("Authorization", "Bearer a\r\nX: b")])
        let failure = try #require(try TestHttps().send(endpoint(server), bad).failure)
        #expect(failure.kind == .local)
        #expect(!failure.mayHaveArrived)
        #expect(!failure.words.contains("Bearer"))
    }

    @Test func stop_takesBackWhatIsUnderWay() throws {
        let server = try StubServer()
        server.trouble(.deaf)
        let https = try TestHttps()
        #expect(https.begin(3, try endpoint(server, total: 60_000), connected))
        try waitUntil("it hangs") { server.log.count == 1 }
        #expect(https.stop())
        #expect(try https.result(3).failure?.kind == .cancelled)
        #expect(!https.begin(4, try endpoint(server), validate))
    }

    @Test(
        arguments: [
            ("https://registrations.repositpower.com", nil), ("https://api.energygrid.example/v1", nil),
            ("http://127.0.0.1:8080", nil), ("http://[::1]:80/x", nil),
            ("http://example.com", HttpsAddressError.plain(host: "example.com")),
            ("http://127.0.0.1.example.com", .plain(host: "127.0.0.1.example.com")), ("ftp://x", .scheme),
            ("https://user@host", .more), ("https://host?x", .more), ("https://host/a/", .path),
            ("https://host/../a", .path), ("https://", .host), ("https://host:0", .port),
            ("https://ho st", .characters),
        ] as [(String, HttpsAddressError?)])
    func address_isCheckedAndTold(url: String, fault: HttpsAddressError?) {
        var thrown: HttpsAddressError?
        do throws(HttpsAddressError) { _ = try HttpsAddress(url: url) } catch { thrown = error }
        #expect(thrown == fault)
    }

    @Test func retryAfter_asADate_countsFromTheServersClock() {
        func seconds(_ text: String, date: String?, ourClock: Int64 = 0) -> Int64? {
            RetryAfter.seconds(text, date: date, ourClock: ourClock)
        }
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(seconds("Sun, 06 Nov 1994 08:50:07 GMT", date: date) == 30)
        #expect(seconds("Sun, 06 Nov 1994 08:00:00 GMT", date: date) == 0)
        #expect(seconds("99999999999999999999", date: nil) == 86_400)
        #expect(seconds("soon", date: date) == nil)
        // Without the server's date the box's own clock must do, which may be years off.
        #expect(seconds(date, date: nil, ourClock: 784_111_777 - 40) == 40)
        #expect(seconds(date, date: "yesterday", ourClock: 784_111_777 + 40) == 0)
        #expect(seconds(date, date: nil, ourClock: 0) == 900)
    }
}

@Suite(.enabled(if: TlsFront.isInstalled, "needs python3 and openssl"))
struct HttpsTlsTests {
    private let validate = HttpsRequest(.get, "/mdp/validate?repositBox=BOX1")

    private func endpoint(_ front: TlsFront, _ files: TestAuthority, ca: String = "ca.crt", host: String = "localhost")
        throws -> HttpsEndpoint
    {
        var endpoint = HttpsEndpoint(
            address: try HttpsAddress(url: "https://\(host):\(front.port)"), ca: files.path(ca))
        endpoint.totalTime = 5000
        return endpoint
    }

    private func front(_ files: TestAuthority, _ server: StubServer, clientCA: String? = nil) throws -> TlsFront {
        try TlsFront(
            certificate: files.path("server.crt"), key: files.path("server.key"), plain: server.port,
            clientCA: clientCA.map { files.path($0) })
    }

    @Test func exchange_withAPrivateAuthority_isAnswered() throws {
        let (files, server) = (try TestAuthority(), try StubServer())
        try files.issue("server", names: "DNS:localhost,IP:127.0.0.1")
        let front = try front(files, server)
        for host in ["localhost", "127.0.0.1"] {
            #expect(try TestHttps().send(endpoint(front, files, host: host), validate).reply?.status == 401)
        }
        #expect(server.log.count == 2)
    }

    @Test func certificate_whenNotToBeTrusted_letsNothingOut() throws {
        let (files, server) = (try TestAuthority(), try StubServer())
        try files.authority("other")
        for (names, days, ca) in [
            ("DNS:localhost", 3, "other.crt"), ("DNS:elsewhere", 3, "ca.crt"), ("DNS:localhost", -1, "ca.crt"),
        ] {
            try files.issue("server", names: names, days: days)
            let front = try front(files, server)
            let failure = try #require(try TestHttps().send(endpoint(front, files, ca: ca), validate).failure)
            #expect(failure.kind == .tls, "\(names) \(days) \(ca): \(failure)")
            #expect(!failure.mayHaveArrived)
        }
        #expect(server.log.isEmpty)
    }

    @Test func systemAuthorities_areNotTrustedBesideAPrivateOne() throws {
        let (files, server) = (try TestAuthority(), try StubServer())
        try files.issue("server", names: "DNS:localhost")
        let front = try front(files, server)
        var endpoint = try endpoint(front, files)
        endpoint.ca = nil
        let failure = try #require(try TestHttps().send(endpoint, validate).failure)
        #expect(failure.kind == .tls)
    }

    @Test func ourCertificate_isShownWhereItIsAskedFor() throws {
        let (files, server) = (try TestAuthority(), try StubServer())
        try files.authority("other")
        try files.issue("server", names: "DNS:localhost")
        try files.issue("client", names: "DNS:BOX1")
        try files.issue("stranger", names: "DNS:BOX1", by: "other")
        let front = try front(files, server, clientCA: "ca.crt")
        var endpoint = try endpoint(front, files)
        endpoint.certificate = files.path("client.crt")
        endpoint.key = files.path("client.key")
        #expect(try TestHttps().send(endpoint, validate).reply?.status == 401)
        endpoint.certificate = files.path("stranger.crt")
        endpoint.key = files.path("stranger.key")
        #expect(try TestHttps().send(endpoint, validate).reply == nil)
        endpoint.certificate = nil
        #expect(try TestHttps().send(endpoint, validate).reply == nil)
        #expect(server.log.count == 1)
    }

    @Test func files_whenMissing_areNamed() throws {
        let (files, server) = (try TestAuthority(), try StubServer())
        try files.issue("server", names: "DNS:localhost")
        let front = try front(files, server)
        let failure = try #require(try TestHttps().send(endpoint(front, files, ca: "none.crt"), validate).failure)
        #expect(failure.kind == .local)
        #expect(failure.words.contains("none.crt"))
    }

    @Test func server_thatSpeaksNoTls_getsNothing() throws {
        let (files, server) = (try TestAuthority(), try StubServer())
        let endpoint = HttpsEndpoint(
            address: try HttpsAddress(url: "https://127.0.0.1:\(server.port)"), ca: files.path("ca.crt"))
        var quick = endpoint
        quick.totalTime = 1000
        let failure = try #require(try TestHttps().send(quick, validate).failure)
        #expect(!failure.mayHaveArrived)
        #expect(server.log.isEmpty)
    }
}
