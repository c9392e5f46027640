import Metering
import Simulator
import Testing

@testable import Upstream

/// A runner with the simulated systems behind it, no wire between them: time is a number.
struct RunnerBench {
    var runner: UpstreamRunner
    var stubs = UpstreamStubs()
    var now = Uptime(seconds: 1000)
    var records: [JournalEntry] = []
    var settled: [UInt64: UpstreamSettlement] = [:]
    var progress: [String] = []
    /// What the next exchanges come to instead of an answer; the systems behind do nothing.
    var failures: [HttpsFailure] = []
    /// Stop at this many records: the process is killed.
    var diesAfterRecords = Int.max
    /// A new configuration comes while the next exchange is under way.
    var dropsSystemsBeforeNextReply = false
    var reconfiguresBeforeNextReply = false

    init(history: [JournalEntry] = [], stubs: UpstreamStubs? = nil) throws {
        var folded = UpstreamHistory()
        for entry in history { folded.take(entry) }
        runner = UpstreamRunner(systems: try Self.systems(), history: folded, seed: 7)
        records = history
        if let stubs { self.stubs = stubs }
    }

    static func systems() throws -> [any UpstreamSystem] {
        func endpoint(_ path: String) throws -> HttpsEndpoint {
            HttpsEndpoint(address: try HttpsAddress(url: "https://stub.example" + path))
        }
        func secret(_ text: String) -> Secret { Secret(Array(text.utf8)) }
        return [
            RepositSystem(endpoint: try endpoint(""), key: secret(StubCredentials.repositKey), box: "SJKGRHDV"),
            RedexSystem(
                endpoint: try endpoint(""),
                credentials: RedexSystem.Credentials(
                    apiKey: secret(StubCredentials.redexKey), clientID: StubCredentials.redexClient,
                    clientSecret: secret(StubCredentials.redexSecret)),
                applicationID: RedexStub.application),
            PowerBoxSystem(
                endpoint: try endpoint("/v1"),
                account: PowerBoxSystem.Account(
                    tokenAddress: try HttpsAddress(url: "https://stub.example/oauth/token"),
                    clientID: StubCredentials.powerboxClient, clientSecret: secret(StubCredentials.powerboxSecret),
                    hemProfileID: "h-1"),
                base64: { _ in "cG93ZXJib3gtY2xpZW50OnBvd2VyYm94LXNlY3JldA==" }),
            RopoSystem(
                endpoint: try endpoint("/rest"), cid: StubCredentials.ropoCid,
                apicode: secret(StubCredentials.ropoCode)),
        ]
    }

    var words: [String] { stubs.log.map(\.words) }
    var kinds: [String] { records.map { "\($0.draft.kind.rawValue) \($0.draft.data["outcome"]?.string ?? "")" } }

    mutating func submit(
        _ system: String, _ operation: String, _ args: JSONObject = [:], id: String = "t1", seconds: Int64? = 120,
        patient: Bool = false, again: Bool = false
    ) -> UInt64 {
        let mode: UpstreamJob.Mode =
            seconds.map { .attended(until: now + $0 * 1_000_000, patient: patient) } ?? .background
        return runner.submit(
            UpstreamJob(id: id, system: system, work: UpstreamWork(operation, args), mode: mode, again: again),
            at: now)
    }

    /// Carries out what is wanted, and lets time pass, until the job is settled or nothing is left to do.
    mutating func run(_ job: UInt64? = nil, within seconds: Int64 = 7200) {
        let end = now + seconds * 1_000_000
        while records.count < diesAfterRecords {
            let actions = runner.takeActions()
            for action in actions { carryOut(action) }
            if let job, settled[job] != nil { return }
            guard actions.isEmpty else { continue }
            guard let wake = runner.nextWake, wake <= end else { return }
            now = max(now, wake)
            runner.wake(at: now)
        }
    }

    /// Submits and runs.
    mutating func settle(
        _ system: String, _ operation: String, _ args: JSONObject = [:], id: String = "t1", seconds: Int64? = 120,
        patient: Bool = false, again: Bool = false
    ) -> UpstreamSettlement? {
        let job = submit(system, operation, args, id: id, seconds: seconds, patient: patient, again: again)
        run(job)
        return settled[job]
    }

    private mutating func carryOut(_ action: UpstreamAction) {
        switch action {
        case .record(let note):
            guard records.count < diesAfterRecords else { return }
            let seq = Int64(records.count + 1)
            let draft = JournalDraft(
                seq: seq, at: WallTime(seconds: 1_700_000_000), kind: note.kind, key: "\(note.kind.rawValue)/\(seq)",
                data: note.data)
            let entry = JournalEntry(draft: draft, hash: "")
            // As it comes back from the journal, members sorted.
            var kept = draft
            kept.data = (try? JSONReader.read(JSONWriter.canonical(.object(draft.data))))?.object ?? [:]
            records.append(JournalEntry(draft: kept, hash: ""))
            runner.note(entry)
            runner.recorded(note.token, at: now)
        case .send(let number, let endpoint, let request):
            now = now + 20_000
            if reconfiguresBeforeNextReply, let systems = try? Self.systems() {
                reconfiguresBeforeNextReply = false
                runner.reconfigure(systems)
            }
            if dropsSystemsBeforeNextReply { runner.reconfigure([]) }
            runner.replied(number, exchange(endpoint, request), at: now)
        case .settled(let job, let settlement): settled[job] = settlement
        case .progress(_, let words): progress.append(words)
        }
    }

    /// The systems behind as the transport would tell of them.
    private mutating func exchange(_ endpoint: HttpsEndpoint, _ request: HttpsRequest) -> HttpsResult {
        if !failures.isEmpty { return .failure(failures.removeFirst()) }
        let path = String(endpoint.address.base.dropFirst("https://stub.example".count)) + request.target
        var lines = ["\(request.method.rawValue) \(path) HTTP/1.1", "Content-Length: \(request.body.count)"]
        lines += request.headers.map { "\($0.name): \(String(decoding: $0.value.bytes, as: UTF8.self))" }
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + request.body
        guard let stub = StubRequest(bytes) else { return .failure(Self.broken) }
        let answer = stubs.answer(stub)
        switch answer.trouble {
        case .hang?, .deaf?, .drip?, .cut?: return .failure(Self.broken)
        case .redirect?:
            return .failure(HttpsFailure(kind: .redirected, mayHaveArrived: true, words: "sent elsewhere"))
        default: return .success(Self.reply(answer.bytes))
        }
    }

    private static func reply(_ bytes: [UInt8]) -> HttpsReply {
        let text = String(decoding: bytes, as: UTF8.self)
        let head = text.split(separator: "\r\n")
        var end = 0
        while end + 4 <= bytes.count, !bytes[end..<end + 4].elementsEqual([13, 10, 13, 10]) { end += 1 }
        let retry = head.first { $0.hasPrefix("Retry-After: ") }.flatMap { Int64($0.dropFirst(13)) }
        return HttpsReply(
            status: head.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0, retryAfter: retry,
            body: Array(bytes.dropFirst(end + 4)))
    }

    static let broken = HttpsFailure(kind: .broken, mayHaveArrived: true, words: "connection lost")
    static let unreachable = HttpsFailure(kind: .unreachable, mayHaveArrived: false, words: "no connection")
}

extension UpstreamSettlement {
    var result: JSONObject? { if case .done(let result) = self { result } else { nil } }
    var fault: UpstreamFault? { if case .failed(let fault) = self { fault } else { nil } }
}
