import Metering
import Simulator

/// Everything the demonstration has seen so far: what the screen and the log show.
struct DemoPicture {
    /// One meter.
    struct Meter {
        var serial: String
        var model: String
        var state = "waiting"
        var live: JSONValue?
        /// The newest statement about each, newest last.
        var intervals: [IntervalText] = []
        var intervalCount = 0
        /// Better statements that came from the meter's load survey.
        var filled = 0
        /// Between two sets of live values, simulated seconds.
        var longestPause: Int64 = 0
        private var liveAt: WallTime?

        init(serial: String, model: String) {
            self.serial = serial
            self.model = model
        }

        /// Of those remembered, how many have no actual value.
        var lacking: Int { intervals.count { $0.quality != "A" } }

        mutating func take(_ interval: IntervalText) {
            if let index = intervals.firstIndex(where: { $0.at == interval.at }) {
                intervals[index] = interval
                if interval.isSurvey { filled += 1 }
                return
            }
            intervalCount += 1
            intervals.append(interval)
            if intervals.count > DemoPicture.remembered { intervals.removeFirst() }
        }

        mutating func take(live value: JSONValue) {
            live = value
            guard let at = value["at"]?.string.flatMap({ WallTime(text: $0) }) else { return }
            if let liveAt { longestPause = max(longestPause, (at - liveAt + 999) / 1000) }
            liveAt = at
        }

        mutating func forgetPause() { longestPause = 0 }
    }

    /// Intervals of a meter that are shown.
    static let remembered = 44

    /// One wire.
    struct Wire {
        var name: String
        var what: String
        var replies = 0
        /// Replies in the last ten seconds or so, scaled to a minute.
        var perMinute = 0
        private var samples: [(at: Int64, replies: Int)] = []

        init(name: String, what: String) {
            self.name = name
            self.what = what
        }

        mutating func note(_ replies: Int, at microseconds: Int64) {
            self.replies = replies
            samples.append((microseconds, replies))
            if samples.count > 20 { samples.removeFirst() }
            guard let first = samples.first, microseconds > first.at else { return }
            perMinute = Int(Int64(replies - first.replies) * 60_000_000 / (microseconds - first.at))
        }
    }

    var meters: [Meter]
    var wires: [Wire]
    /// Newest record of the box, and up to where the cloud has said that it holds them.
    var head: Int64 = 0
    var acknowledged: Int64 = 0
    /// Records still in the outbox; nil before the daemon answered.
    var pending: Int64?
    var daemonState = "starting"
    var clock = "?"
    var mqtt = "off"
    /// What the cloud verified.
    var verified: Int64 = 0
    var messages = 0
    var isChainBroken = false
    var lastCommand = "none yet"
    var pings = 0
    /// The newest event worth telling.
    var news = ""
    /// The outbox was empty after every meter's first interval had come.
    var hasDrained = false
    /// The story of prepaid supply; nil where it is not told.
    var credit: CreditPicture?

    init(plan: BoardPlan) {
        meters = plan.ports.flatMap { port in port.meters.map { Meter(serial: $0.serial, model: $0.model) } }
        wires = plan.ports.map { Wire(name: $0.name, what: $0.wire.rawValue) }
    }

    /// Pauses between live values count from here.
    mutating func forgetPauses() { for index in meters.indices { meters[index].forgetPause() } }

    /// Takes the answer to `status`.
    mutating func take(status: JSONValue) {
        daemonState = status["state"]?.string ?? daemonState
        clock = status["clock"]?.string ?? clock
        mqtt = status["mqtt"]?.string ?? mqtt
        head = status["journal"]?["head"]?.integer ?? head
        acknowledged = status["journal"]?["acknowledged"]?.integer ?? acknowledged
        for item in status["meters"]?.array ?? [] {
            guard let index = meters.firstIndex(where: { $0.serial == item["serial"]?.string }) else { continue }
            meters[index].state = item["state"]?.string ?? meters[index].state
        }
    }

    /// Takes the answer to `outbox show`.
    mutating func take(outbox: JSONValue) {
        pending = outbox["pending"]?.integer ?? pending
        if pending == 0, meters.allSatisfy({ $0.intervalCount > 0 }) { hasDrained = true }
    }

    /// Takes what the cloud noticed; the line to tell about it, if there is one.
    mutating func take(_ notice: CloudReceiver.Notice) -> String? {
        switch notice {
        case .connected: return "the cloud receiver is connected to the broker"
        case .disconnected(let why): return "the cloud receiver has no broker: \(why)"
        case .state(let value): return "the box says it is \(value["state"]?.string ?? "?")"
        case .live(let serial, let value):
            if let index = meters.firstIndex(where: { $0.serial == serial }) { meters[index].take(live: value) }
            return nil
        case .record(let entry): return take(entry)
        case .receipt: return nil
        case .resend(let from, let to): return "the cloud asked again for records \(from) to \(to)"
        case .alarm(let value): return Self.urgent(value)
        case .result(let value):
            lastCommand = Self.answer(value)
            if value["command"]?.string == "ping", value["state"]?.string == "completed" { pings += 1 }
            return nil
        case .fault(let text):
            isChainBroken = true
            return "FAULT at the cloud: \(text)"
        }
    }

    /// What the box said at once, before its place in the journal came.
    private static func urgent(_ value: JSONValue) -> String {
        let data = value["data"] ?? .null
        if let alarm = data["alarm"]?.string { return "alarm: \(alarm)" }
        let words = ["order", "decided", "observed", "reason"].compactMap { data[$0]?.string }
        return "\(data["unit"]?.string ?? "?"): \(value["kind"]?.string ?? "?") \(words.joined(separator: ", "))"
    }

    private static func answer(_ value: JSONValue) -> String {
        let record = value["seq"]?.integer.map { ", in record \($0)" } ?? ""
        return "signed \(value["command"]?.string ?? "?") \(value["id"]?.string ?? "?"): "
            + "\(value["state"]?.string ?? "?") (\(value["code"]?.string ?? "?"))\(record)"
    }

    private mutating func take(_ entry: CloudStore.JournalEntryText) -> String? {
        if let interval = IntervalText(entry), let index = meters.firstIndex(where: { $0.serial == interval.meter }) {
            meters[index].take(interval)
            return nil
        }
        let meter = entry.data["meter"]?.string ?? "?"
        switch entry.kind {
        case "meter.up": return "meter \(meter) answers on port \(entry.data["port"]?.string ?? "?")"
        case "meter.down", "meter.quarantined":
            return "meter \(meter): \(entry.data["message"]?.string ?? entry.kind)"
        case "clock.trust":
            let isTrusted = entry.data["trusted"]?.bool == true
            return "the box's clock is \(isTrusted ? "trusted" : "not trusted yet") "
                + "(\(entry.data["reason"]?.string ?? "?"))"
        case "clock.step": return "the box's clock stepped"
        default: return nil
        }
    }

    /// What was to be seen and was not, in words; empty when the main job was seen whole.
    var missing: [String] {
        var missing: [String] = []
        for meter in meters {
            if meter.state != "live" { missing.append("meter \(meter.serial) is not live (\(meter.state))") }
            if meter.intervalCount == 0 { missing.append("no interval of meter \(meter.serial) reached the cloud") }
        }
        if !hasDrained { missing.append("the outbox did not drain to 0 (\(pending.map(String.init) ?? "?") wait)") }
        if pings == 0 { missing.append("no signed ping was answered (last command: \(lastCommand))") }
        if isChainBroken { missing.append("the cloud found the journal's chain broken") }
        return missing
    }
}
