import Metering
import Simulator

/// A prepaid home runs out of credit in the afternoon, keeps its supply through the hours in which nothing is cut, is
/// disconnected in the morning, pays, and is switched on by its own button. Everything is done as it is at a real
/// home: signed commands over MQTT, the installer's command line, a relay on its wire; and it goes on only by what the
/// box itself has said.
struct DemoCredit {
    /// What a person follows.
    enum Chapter: Int, CaseIterable {
        case paid, commissioned, low, held, warned, cut, armed, connected

        var title: String {
            switch self {
            case .paid: "the customer pays a little"
            case .commissioned: "the installer tests the switch and enables disconnection"
            case .low: "the credit gets low"
            case .held: "the credit is used up in the afternoon"
            case .warned: "the evening and the night pass"
            case .cut: "supply is cut in the morning"
            case .armed: "the customer pays again"
            case .connected: "the customer presses the button"
            }
        }
    }

    static let unit = "unit-1"
    /// The story begins at 14:30; how many times faster time runs while people look, and while nothing happens.
    static let start: Int64 = 14 * 60 + 30
    static let slow: Int64 = 30
    private static let firstPay: Int64 = 15 * 60 + 20
    private static let warning: Int64 = 7 * 60 + 28
    private static let morning: Int64 = 7 * 60 + 59

    let stage: DemoStage
    private let pace: TimePace
    private let options: Options
    /// How many times faster time runs while the home uses what was paid.
    private var quick: Int64 { options.isWatched ? 150 : 300 }
    private let meter: BoardMeter
    private let meterside: String
    private var owner: DemoSigner
    private var shop: DemoSigner
    private(set) var step = DemoStep.find
    private(set) var picture = CreditPicture()
    private var seen = CreditSeen()
    private var order: (id: String, command: [UInt8], sentAt: Uptime)?
    private var test: DemoTool?
    private var begunAt = Uptime(microseconds: 0)
    /// A chapter was told; it rests until then, and until the command line has been asked about it.
    private var restsUntil: Uptime?
    private var tools: DemoTools
    private var told = false
    private var amount: Int64 = 0
    private var tests = 0

    /// How it is told.
    struct Options {
        /// How many times faster the night passes.
        var night: Int64
        /// Of the terminal at which the command line answers.
        var columns: Int
        /// Somebody looks on, and needs time to.
        var isWatched: Bool
    }

    init(stage: DemoStage, pace: TimePace, meter: BoardMeter, options: Options) throws(SimulatorFailure) {
        self.stage = stage
        self.pace = pace
        self.options = options
        self.meter = meter
        meterside = (Folder.ofExecutable() ?? ".") + "/meterside"
        guard Folder.isExecutable(meterside) else {
            throw .missing("\(meterside) is missing; build everything with: swift build")
        }
        tools = DemoTools(meterside, socket: stage.files.socket, columns: options.columns)
        owner = DemoSigner(kid: stage.files.ownerName, secret: stage.files.ownerSecret, box: DemoStage.box)
        shop = DemoSigner(kid: DemoStage.shopName, secret: stage.shopSecret, box: DemoStage.box)
    }

    var isOver: Bool { step == .over }

    /// What the demonstration did not see; nil when it saw everything.
    var missing: String? { isOver ? nil : "the story of prepaid supply stopped at: \(step.words)" }

    /// The story with its ends, for the end of the demonstration.
    var summary: [String] { picture.lines.map { "\($0.told == nil ? "-" : "+") \($0.told ?? $0.title)" } }

    // MARK: What comes over MQTT

    mutating func take(_ notice: CloudReceiver.Notice) {
        switch notice {
        case .record(let entry) where entry.data["unit"]?.string == Self.unit:
            picture.note(entry)
            seen.take(entry)
        case .live(let serial, let value) where serial == meter.serial:
            seen.watts = LiveText.reading("power_w", of: value).map(Column.whole)
        case .result(let value): seen.results[value["id"]?.string ?? ""] = value
        default: break
        }
    }

    // MARK: Going on

    /// Goes on when it is time; gives what is to be told, and what a log tells on top.
    mutating func look(
        _ now: Uptime, isConnected: Bool
    ) throws(SimulatorFailure) -> (lines: [String], report: String?) {
        picture.display = Self.display(stage.files.display)
        picture.speed = pace.speed
        picture.contact = seen.contact
        try tools.look(now, picture: &picture)
        var report: String?
        if told, tools.hasReported {
            told = false
            report = self.report
        }
        if let restsUntil {
            guard now >= restsUntil, !told else { return ([], report) }
            self.restsUntil = nil
            try go(to: step.next, now)
            return ([], report)
        }
        guard !isOver else { return ([], report) }
        return (try goOn(now, isConnected: isConnected), report)
    }

    private mutating func goOn(_ now: Uptime, isConnected: Bool) throws(SimulatorFailure) -> [String] {
        if begunAt == Uptime(microseconds: 0) { begunAt = now }
        if let text = try outcome(now, isConnected: isConnected) {
            if let chapter = step.chapter {
                picture.doing = ""
                picture.lines[chapter.rawValue].told = "\(DemoZone.text(pace.now))  \(text)"
                told = true
                tools.ask(now)
                pace.run(Self.slow)
            }
            restsUntil = now + (options.isWatched ? step.rest : 0)
            return step.chapter == nil ? [] : ["story: \(DemoZone.text(pace.now)) \(text)"]
        } else if now - begunAt > step.patience {
            throw .unseen("the story of prepaid supply did not get on: \(step.words)\n  \(seen.words)")
        }
        return []
    }

    private mutating func go(to next: DemoStep, _ now: Uptime) throws(SimulatorFailure) {
        step = next
        begunAt = now
        picture.doing = next.words
        switch next {
        case .set(let index):
            let setting = DemoStep.settings[index]
            try send(setting.name, setting.args, life: 600, by: \.owner)
        case .pay:
            amount = firstAmount()
            try send("payment_add", Self.payment("shop-0001", amount), life: 86_400, by: \.shop)
        case .test: test = nil
        case .enable: try send("omnipower_set", ["enabled": true], life: 600, by: \.owner)
        case .low, .held: pace.run(quick)
        case .night: run(options.night, untilMinute: Self.warning)
        case .cut: run(quick, untilMinute: Self.morning)
        case .topUp: try send("payment_add", Self.payment("shop-0002", 20_000_000), life: 86_400, by: \.shop)
        case .press: _ = stage.board.obey(.press(relay: "relay-1", .arm, seconds: 15))
        case .find, .over: break
        }
    }

    private func run(_ speed: Int64, untilMinute minute: Int64) {
        pace.run(speed, until: DemoZone.next(minute: minute, after: pace.now), then: Self.slow)
    }

    /// What the step came to, in words; nil while it lasts.
    private mutating func outcome(_ now: Uptime, isConnected: Bool) throws(SimulatorFailure) -> String? {
        switch step {
        case .find: return isConnected && seen.observed == "connected" && seen.watts != nil ? "found" : nil
        case .set: return try answered(now)
        case .pay:
            guard try answered(now) != nil, seen.payments.contains("shop-0001") else { return nil }
            return "paid \(Self.money(amount)), signed by the shop's key"
        case .test: return try tested()
        case .enable:
            guard try answered(now) != nil else { return nil }
            return "switch tested; disconnection enabled"
        case .low: return seen.isLow ? "low credit: the customer is warned" : nil
        case .held:
            guard let decided = seen.decided, decided.reason == "friendly_period", seen.balance <= 0 else { return nil }
            return "held on: \(decided.words)"
        case .night:
            guard picture.display.contains(where: { $0.hasPrefix("OFF SOON") }) else { return nil }
            return "the night is over; the display warns"
        case .cut:
            guard let decided = seen.decided, decided.state == "disconnected", seen.observed == "disconnected" else {
                return nil
            }
            return "disconnected: \(decided.words)"
        case .topUp:
            guard try answered(now) != nil, let decided = seen.decided, decided.state == "armed" else { return nil }
            return "20.00 paid; armed: \(decided.words)"
        case .press:
            guard let decided = seen.decided, decided.state == "connected", seen.observed == "connected",
                seen.watts.map({ $0 != "0" }) ?? false
            else { return nil }
            return "button pressed; connected: \(decided.words)"
        case .over: return nil
        }
    }

    // MARK: Commands

    private mutating func send(
        _ name: String, _ args: JSONObject, life: Int64, by signer: WritableKeyPath<DemoCredit, DemoSigner>
    ) throws(SimulatorFailure) {
        let id = "demo-\(step.name)"
        let command = try self[keyPath: signer].sign(
            name, args, id: id, unit: Self.unit, now: stage.board.clock.wall(), life: life)
        stage.receiver.send(command: command)
        order = (id, command, begunAt)
    }

    /// The command's answer came; the same bytes are sent again while it does not.
    private mutating func answered(_ now: Uptime) throws(SimulatorFailure) -> String? {
        guard var order else { return nil }
        guard let result = seen.results[order.id] else {
            if now - order.sentAt > 3_000_000 {
                order.sentAt = now
                self.order = order
                stage.receiver.send(command: order.command)
            }
            return nil
        }
        guard result["state"]?.string == "completed" else {
            throw .unseen("the box did not take a command of the story: \(RecordText.result(result))")
        }
        return "answered"
    }

    /// The installer's test, by the command line: the home loses supply for a moment.
    private mutating func tested() throws(SimulatorFailure) -> String? {
        guard let running = test else {
            tests += 1
            test = try tools.run("supply", "test", Self.unit, "--yes")
            return nil
        }
        guard let answer = running.answer() else { return nil }
        test = nil
        if answer.code == 0 { return "passed" }
        // Two readings must have come since the settings.
        guard tests < 20 else {
            throw .unseen("the switch did not pass its test:\n" + answer.lines.joined(separator: "\n"))
        }
        return nil
    }

    private static func payment(_ id: String, _ amount: Int64) -> JSONObject {
        ["payment_id": .string(id), "amount_micro": .integer(amount)]
    }

    /// What the home will use until twenty past three, or for a while: the simulator knows.
    private func firstAmount() -> Int64 {
        let now = pace.now
        let peak = DemoZone.next(minute: 15 * 60, after: now + -1)
        let end = max(DemoZone.next(minute: Self.firstPay, after: now), now + 1_200_000)
        func cost(_ from: WallTime, _ to: WallTime, _ rate: Int64) -> Int64 {
            guard from < to else { return 0 }
            return (meter.load.imported(at: to) - meter.load.imported(at: from)) * rate / 1_000_000
        }
        let isPeak = peak - now > 3_600_000
        let micro =
            isPeak
            ? cost(now, end, DemoStep.peakRate)
            : cost(now, min(peak, end), DemoStep.dayRate) + cost(peak, end, DemoStep.peakRate)
        return max(micro / 10_000, 12) * 10_000
    }

    // MARK: Telling

    private static func display(_ path: String) -> [String] {
        guard let bytes = try? Folder.read(path, limit: 4096) else { return [] }
        return bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The display and the command line after a chapter, for a log.
    private var report: String {
        let frame = CreditScreen.frame(picture.display)
        let blocks = [
            frame, ["$ " + CreditPicture.supplyCommand] + picture.supply,
            ["$ " + CreditPicture.explainCommand] + picture.explanation,
        ]
        return blocks.map { $0.map { "        " + $0 }.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    private static func money(_ micro: Int64) -> String {
        let cents = String(100 + micro / 10_000 % 100).dropFirst()
        return "\(micro / 1_000_000).\(cents)"
    }
}
