import Metering
import Testing

@testable import Upstream

struct MqttEndpointTests {
    @Test(arguments: [
        ("mqtts://broker.example:8884", "broker.example", 8884, true), ("mqtts://broker", "broker", 8883, true),
        ("mqtts://192.0.2.7/", "192.0.2.7", 8883, true), ("mqtts://[2001:db8::1]:99", "2001:db8::1", 99, true),
        ("mqtt://localhost", "localhost", 1883, false), ("mqtt://127.0.0.1:1884", "127.0.0.1", 1884, false),
        ("mqtt://127.9.9.9", "127.9.9.9", 1883, false), ("mqtt://[::1]:5", "::1", 5, false),
    ])
    func url_isRead(url: String, host: String, port: UInt16, isEncrypted: Bool) throws {
        let endpoint = try MqttEndpoint(url: url)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.isEncrypted == isEncrypted)
    }

    @Test(arguments: [
        ("", MqttAddressError.scheme), ("broker:1883", .scheme), ("tcp://broker", .scheme),
        ("MQTT://localhost", .scheme),
        ("mqtts://", .host), ("mqtts://a:b:c", .host), ("mqtts://[::1", .host), ("mqtts://[::1]x", .host),
        ("mqtts://bröker", .host), ("mqtts://a:0", .port), ("mqtts://a:65536", .port), ("mqtts://a:", .port),
        ("mqtts://a:+1", .port), ("mqtts://a/topic", .more), ("mqtts://user@a", .more), ("mqtts://a?x", .more),
        ("mqtt://broker.example", .plain(host: "broker.example")), ("mqtt://128.0.0.1", .plain(host: "128.0.0.1")),
        ("mqtt://127.0.0.1.example", .plain(host: "127.0.0.1.example")), ("mqtt://127.1", .plain(host: "127.1")),
        ("mqtt://localhost.", .plain(host: "localhost.")), ("mqtt://127.0.0.+1", .host),
    ])
    func url_whenWrong_saysWhatToWrite(url: String, error: MqttAddressError) {
        #expect(throws: error) { try MqttEndpoint(url: url) }
    }
}

struct MqttBackoffTests {
    @Test func unreachable_isAskedTwiceASecondForTwoMinutes_thenEverMoreRarely() {
        var backoff = MqttBackoff()
        var now = Uptime(seconds: 50)
        let start = now
        while now - start < 120_000_000 {
            let wait = backoff.wait(after: .unreachable, at: now, jitter: 999)
            #expect((400_000...800_000).contains(wait))
            now = now + wait
        }
        let waits = (0..<12).map { _ in backoff.wait(after: .unreachable, at: now, jitter: 0) / 1_000_000 }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 128, 150, 150, 150, 150])
        #expect(backoff.wait(after: .unreachable, at: now, jitter: 999) <= 300_000_000)
        backoff.reset()
        #expect(backoff.wait(after: .unreachable, at: now, jitter: 0) == 400_000)
    }

    @Test func refused_isAskedAfterAMinuteAtTheEarliest() {
        var backoff = MqttBackoff()
        let now = Uptime(seconds: 50)
        let waits = (0..<6).map { _ in backoff.wait(after: .refused, at: now, jitter: 0) / 1_000_000 }
        #expect(waits == [60, 60, 120, 150, 150, 150])
        var other = MqttBackoff()
        let longest = (0..<6).map { _ in other.wait(after: .refused, at: now, jitter: 999) / 1_000_000 }
        #expect(longest == [74, 119, 239, 299, 299, 299])
    }

    @Test func cause_whenItChanges_startsAnew() {
        var backoff = MqttBackoff()
        let now = Uptime(seconds: 50)
        for _ in 0..<5 { _ = backoff.wait(after: .refused, at: now, jitter: 0) }
        #expect(backoff.wait(after: .unreachable, at: now, jitter: 0) == 400_000)
        #expect(backoff.wait(after: .refused, at: now, jitter: 0) == 60_000_000)
    }
}
