import Drivers
import Metering
import Simulator
import Testing

@testable import Gateway

/// A HAN link and a simulated adapter face to face; time leaps from one wake to the next.
struct HanBench {
    static let start = WallTime(text: "2026-03-02T10:00:30Z") ?? WallTime(milliseconds: 0)
    static let code = "2CF02603038D9582"
    static let linkKey = "419bfc53fa83323a0824353f638e46f6"

    var link: HanLink
    var adapter: HanAdapterSimulator
    var elapsed: Int64 = 0
    var head: Int64 = 0
    var journal: [JournalDraft] = []
    var orders: [UpstreamOrder] = []
    var ends: [(id: String, result: Result<Outcome, Refusal>)] = []
    /// The meter's own register, Wh; nil when there is none to compare with.
    var register: ((WallTime) -> Int64)?
    /// Bytes between the two are cut into such pieces.
    var piece = 512
    /// On their way from the adapter.
    private var wire: [UInt8] = []
    private var isCarrying = false
    private var splitter = HanSplitter()
    private let decoder: HanDecoder

    init(
        hasPowerBox: Bool = false, adapterCode: String = code, record: JSONObject? = nil, meter: String = "217072470"
    ) throws {
        let moment = Moment(wall: Self.start, uptime: Uptime(microseconds: 0), kernelSynchronised: true)
        link = HanLink(
            HanSettings(
                device: "/dev/han", meter: MeterSerial(meter), hasInstallCode: true, hasPowerBox: hasPowerBox),
            record: record, at: moment)
        var settings = HanAdapterSettings(
            device: try #require(EUI64("d8d5b90000001234")), meter: try #require(EUI64("00158d00000000aa")),
            installCode: try InstallCode(adapterCode).secret, linkKey: Secret(Array(repeating: 0x41, count: 16)),
            load: HouseholdLoad(seed: 1))
        settings.demandInterval = 300_000_000
        settings.summationInterval = 900_000_000
        adapter = HanAdapterSimulator(settings, at: moment)
        decoder = HanDecoder(installCode: try InstallCode(Self.code))
    }

    var moment: Moment {
        Moment(wall: Self.start + elapsed / 1000, uptime: Uptime(microseconds: elapsed), kernelSynchronised: true)
    }

    /// Runs something in a turn of its own and takes in what came out.
    mutating func turn<Value>(_ body: (inout HanLink, inout Turn) throws -> Value) rethrows -> Value {
        var turn = Turn(moment: moment, head: head, newestAt: moment.wall, isConnected: false)
        defer {
            head = turn.head
            ends += link.takeFinished()
            var written: [UInt8] = []
            for effect in turn.effects {
                switch effect {
                case .append(let draft): journal.append(draft)
                case .han(let bytes): written += bytes
                case .upstream(let order): orders.append(order)
                default: break
                }
            }
            if !written.isEmpty { say(adapter.receive(written, at: moment)) }
        }
        return try body(&link, &turn)
    }

    /// The adapter says something.
    mutating func say(_ bytes: [UInt8]) {
        wire += bytes
        guard !isCarrying else { return }
        isCarrying = true
        defer { isCarrying = false }
        while !wire.isEmpty {
            let pieces = splitter.feed(wire.prefix(piece))
            wire.removeFirst(min(piece, wire.count))
            for piece in pieces {
                switch piece {
                case .element(let element): give(.fragment(decoder.decode(element)))
                case .damage(let word): give(.damage(word))
                }
            }
        }
    }

    mutating func give(_ event: HanEvent) {
        let revenue = register.map { register in
            // As a meter polled every 30 s gives it: confirmed, thus one poll old.
            let at = moment.wall + -30_000
            return HanRevenue(
                point: RegisterPoint(
                    value: register(at),
                    moment: Moment(
                        wall: at, uptime: Uptime(microseconds: elapsed - 30_000_000), kernelSynchronised: true),
                    trusted: true), step: 4)
        }
        turn { link, turn in link.take(event, revenue: revenue, turn: &turn) }
    }

    /// The configuration names another meter.
    mutating func configure(meter: String) {
        var settings = link.settings
        settings.meter = MeterSerial(meter)
        turn { link, turn in link.reconfigure(settings, turn: &turn) }
    }

    mutating func plugIn() {
        splitter.reset()
        give(.up)
    }

    mutating func pass(seconds: Int64) {
        let end = elapsed + seconds * 1_000_000
        while true {
            let next = min(
                link.nextWake?.microseconds ?? .max, adapter.nextWake?.microseconds ?? .max)
            guard next <= end else { break }
            elapsed = max(elapsed, next)
            let said = adapter.advance(at: moment)
            if !said.isEmpty { say(said) }
            turn { link, turn in link.wake(turn: &turn) }
        }
        elapsed = end
    }

    mutating func allow(_ isAllowed: Bool = true) { say(adapter.setAllowed(isAllowed, at: moment)) }

    // MARK: What came out

    func records(_ what: String) -> [JSONObject] {
        journal.filter { $0.kind == .hanState && $0.data["what"]?.string == what }.map(\.data)
    }

    var joins: [String] { records("join").compactMap { $0["state"]?.string } }
    var binds: [String] { records("bind").compactMap { $0["bind"]?["state"]?.string } }
    var alarms: [JSONObject] { journal.filter { $0.kind == .alarm }.map(\.data) }

    mutating func bind(_ id: String, _ args: JSONObject = [:]) throws -> Outcome? {
        try turn { link, turn in try link.bind(id: id, args: args, turn: &turn) }
    }

    mutating func unbind(_ id: String) throws -> Outcome? {
        try turn { link, turn in try link.unbind(id: id, turn: &turn) }
    }

    mutating func answer(_ id: String, _ result: Result<JSONValue, ControlFailure>) -> Bool {
        turn { link, turn in link.takeUpstream(id: id, result, turn: &turn) }
    }

    /// The word of the refusal.
    mutating func refusal(_ body: (inout HanBench) throws -> Outcome?) -> String? {
        do {
            _ = try body(&self)
            return nil
        } catch let refusal as Refusal {
            return refusal.detail
        } catch {
            return "\(error)"
        }
    }

    /// Everything that could leave the box, in one text.
    var everything: String {
        let texts = journal.map { String(decoding: $0.canonicalBytes, as: UTF8.self) }
        let status = String(decoding: JSONWriter.compact(link.statusJSON(at: moment)), as: UTF8.self)
        return (texts + [status, "\(link)", "\(orders)", "\(ends)"]).joined(separator: "\n").lowercased()
    }
}
