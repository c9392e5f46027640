import Crypto
import Foundation
import Metering
import Testing

@testable import Upstream

/// Every system against its golden messages: `Messages/<system>.txt`. `>` work, then the request it must become; `<`
/// a reply and `=` what it must mean; `!` why no request can be made.
struct SystemMessagesTests {
    static let systems: [any UpstreamSystem] = {
        guard let address = try? HttpsAddress(url: "https://x.example"),
            let tokens = try? HttpsAddress(url: "https://idp.example/oauth/token")
        else { return [] }
        let endpoint = HttpsEndpoint(address: address)
        func secret(_ text: String) -> Secret { Secret(Array(text.utf8)) }
        return [
            RepositSystem(endpoint: endpoint, key: secret("A2YWQiLCJpc3"), box: "SJKGRHDV"),
            RedexSystem(
                endpoint: endpoint,
                credentials: RedexSystem.Credentials(
                    apiKey: secret("api-key"), clientID: "client", clientSecret: secret("secret")),
                applicationID: "347847fa-68c0-4418-9119-08dc3993455a"),
            PowerBoxSystem(
                endpoint: endpoint,
                account: PowerBoxSystem.Account(
                    tokenAddress: tokens, clientID: "client", clientSecret: secret("secret"), hemProfileID: "h-1"),
                base64: Base64.text),
            RopoSystem(endpoint: endpoint, cid: "12345", apicode: secret("code")),
        ]
    }()

    private static let tokens = ["redex": "a1", "powerbox": "t1", "ropo": "j1"]

    @Test(arguments: Upstreams.all) func messages_areGolden(name: String) throws {
        let system = try #require(Self.systems.first { $0.name == name })
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Messages/\(name).txt")
        var lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")[...]
        var seen = 0
        while let line = lines.popFirst() {
            guard line.hasPrefix("> ") else { continue }
            seen += 1
            let (word, rest) = Self.cut(String(line.dropFirst(2)))
            var expected: [String] = []
            while let next = lines.first, let mark = next.first, !"<>!#=".contains(mark) {
                expected.append(next)
                lines.removeFirst()
            }
            if word == "token" {
                let request = system.tokenRequest(refresh: rest.isEmpty ? nil : Secret(Array(rest.utf8)))?.request
                #expect(request.map(Self.text) == expected, "\(name) \(line)")
                Self.replies(&lines) { Self.text(system.token(of: $0)) }
                continue
            }
            let work = UpstreamWork(word, try JSONReader.read(rest).object ?? [:])
            #expect(system.operation(word) != nil, "\(name) \(word)")
            let token = Self.tokens[name].map { Secret(Array($0.utf8)) }
            do throws(UpstreamFault) {
                #expect(Self.text(try system.request(for: work, token: token)) == expected, "\(name) \(line)")
            } catch {
                #expect(lines.popFirst() == "! \(error.code) \(error.message)", "\(name) \(line)")
            }
            Self.replies(&lines) { Self.text(system.outcome(of: $0, to: work)) }
        }
        #expect(seen >= 3)
    }

    private static func cut(_ text: String) -> (String, String) {
        let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (parts[0], parts.count > 1 ? parts[1] : "")
    }

    private static func replies(_ lines: inout ArraySlice<String>, _ outcome: (HttpsReply) -> String) {
        while let line = lines.first, line.hasPrefix("< ") {
            lines.removeFirst()
            let (status, body) = cut(String(line.dropFirst(2)))
            let reply = HttpsReply(status: Int(status) ?? 0, body: Array(body.utf8))
            #expect("= " + outcome(reply) == lines.popFirst(), "\(line)")
        }
    }

    private static func text(_ request: HttpsRequest) -> [String] {
        var lines = ["\(request.method.rawValue) \(request.target)"]
        lines += request.headers.map { "\($0.name): \(String(decoding: $0.value.bytes, as: UTF8.self))" }
        if !request.body.isEmpty { lines.append(String(decoding: request.body, as: UTF8.self)) }
        return lines
    }

    private static func text(_ outcome: UpstreamOutcome) -> String {
        switch outcome {
        case .done(let result): "done " + String(decoding: JSONWriter.compact(.object(result)), as: UTF8.self)
        case .more(let items, let page): "more \(items.count) page \(page)"
        case .notYet(let words): "not_yet \(words)"
        case .refused(let code, let words): "refused \(code) \(words)"
        case .unauthorised(let words): "unauthorised \(words)"
        case .forbidden(let words): "forbidden \(words)"
        case .later(let words): "later \(words)"
        case .garbled(let words): "garbled \(words)"
        }
    }

    private static func text(_ result: Result<UpstreamToken, UpstreamRejection>) -> String {
        switch result {
        case .success(let token):
            let refresh = token.refresh.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "-"
            return "token \(String(decoding: token.access.bytes, as: UTF8.self)) \(refresh) \(token.lifetime)"
        case .failure(let rejection): return text(rejection.outcome)
        }
    }

    @Test func everySystem_isInTheList() {
        #expect(Self.systems.map(\.name).sorted() == Upstreams.all.sorted())
    }

    @Test func installCode_standsInNoRecord() throws {
        let system = try #require(Self.systems.first { $0.name == "powerbox" })
        let summary = system.summary(of: UpstreamWork("bind", ["mac": "aabbccddeeff", "install_code": "83FE"]))
        #expect(summary == ["mac": "aabbccddeeff"])
    }

    @Test(arguments: [("A", nil), ("N", nil), ("D", nil), ("C", "account_status"), ("?", "account_status")])
    func binding_dependsOnTheAccount(letter: String, code: String?) {
        let customer: JSONObject = [
            "account_status": .string(letter),
            "sites": [["site_id": "S", "meters": [["meter_id": "1", "ami": true]]]],
        ]
        #expect(PowerBoxRules.objection(toBinding: "1", customer: customer)?.code == code)
        let other = PowerBoxRules.objection(toBinding: "2", customer: customer)?.code
        #expect(other == code ?? "unknown_meter")
    }

    @Test(
        arguments: [
            ("UTC+08:00", 28_800), ("UTC-03:30", -12_600), ("UTC", 0), ("+08:00", nil), ("UTC+8", nil),
            ("UTC+15:00", nil),
        ] as [(String, Int64?)])
    func timezone_ofADevice_isRead(text: String, seconds: Int64?) {
        #expect(RedexSystem.offset(of: text) == seconds)
    }

    @Test(arguments: [
        "{\"a\":1.50,\"b\":[true,null,\"x\\u00e9\"],\"c\":{}}", "[]", "-0.5e+3", "\"\"",
    ])
    func wireJSON_keepsNumbersAsWritten(text: String) throws {
        let value = try #require(WireJSON(Array(text.utf8)))
        #expect(try #require(WireJSON(value.bytes)) == value)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\" 1}", "01", "1.", "tru", "\"\u{1}\"", "[1] 2", "{\"a\":1,}", "nan", "\"\\x\"",
        String(repeating: "[", count: 40) + String(repeating: "]", count: 40),
    ])
    func wireJSON_refusesWhatIsNone(text: String) {
        #expect(WireJSON(Array(text.utf8)) == nil)
    }
}
