import Glibc
import Metering
import Simulator

/// The demonstration's loop: looks at every surface, feeds the picture, signs a ping now and then.
struct DemoRun {
    let stage: DemoStage
    let show: any DemoShow
    private(set) var picture: DemoPicture
    private var ping: DemoPing
    private var outage: DemoOutage?
    private var credit: DemoCredit?
    private let part: DemoPart
    private let endsByItself: Bool
    private let begun = BoardClock.uptime()
    private var doneAt: Uptime?
    private var input = OrderInput()
    private var nextLook = Uptime(microseconds: 0)
    private var nextPing = Uptime(microseconds: 0)

    private static let lookInterval: Int64 = 500_000
    /// A part that ends by itself lasts so long at least, and so long after everything was seen.
    private static let shortest: Int64 = 30_000_000
    private static let rest: Int64 = 6_000_000
    private static let pingInterval: Int64 = 8_000_000

    /// How a part ended.
    enum Ending {
        /// It showed what it has to show, or somebody wants to see the next.
        case over
        case stopped
    }

    init(
        stage: DemoStage, show: any DemoShow, part: DemoPart, endsByItself: Bool, outage: DemoOutage? = nil,
        credit: DemoCredit? = nil
    ) {
        self.part = part
        self.endsByItself = endsByItself
        self.stage = stage
        self.outage = outage
        self.credit = credit
        self.show = show
        picture = DemoPicture(plan: stage.board.plan)
        ping = DemoPing(kid: stage.files.ownerName, secret: stage.files.ownerSecret, box: DemoStage.box)
    }

    /// Runs until the story is over, the time is, or a signal came; fails when a program it needs ended.
    mutating func loop(until end: Uptime?, stop: StopSignal) throws(SimulatorFailure) -> Ending {
        while true {
            var polled = [pollfd(fd: stop.event, events: Int16(POLLIN), revents: 0)]
            polled.append(pollfd(fd: input.isReadable ? 0 : -1, events: Int16(POLLIN), revents: 0))
            if let descriptor = stage.receiver.descriptor { polled.append(descriptor) }
            _ = poll(&polled, nfds_t(polled.count), 50)
            if polled[0].revents != 0 { return .stopped }
            if polled[1].revents != 0, let ending = obeyInput() { return ending }
            let now = BoardClock.uptime()
            for notice in try stage.receiver.service(now: now.microseconds) { take(notice) }
            try runCredit(now)
            if now >= nextLook {
                nextLook = now + Self.lookInterval
                try look(now)
            }
            if isDone(now) { return .over }
            if let end, now >= end { return .stopped }
        }
    }

    /// The part has shown what it has to show, and there was time to look at it.
    private mutating func isDone(_ now: Uptime) -> Bool {
        guard endsByItself else { return false }
        if part == .credit { return credit?.isOver == true }
        guard now - begun >= Self.shortest, missing.isEmpty else { return false }
        doneAt = doneAt ?? now
        return doneAt.map { now - $0 >= Self.rest } ?? false
    }

    private mutating func take(_ notice: CloudReceiver.Notice) {
        credit?.take(notice)
        if case .record(let entry) = notice, let interval = IntervalText(entry) { show.tell(interval) }
        let before = picture.lastCommand
        if let line = picture.take(notice) {
            picture.news = line
            show.tell(line)
        }
        if picture.lastCommand != before { show.tell("command answered: \(picture.lastCommand)") }
    }

    private mutating func look(_ now: Uptime) throws(SimulatorFailure) {
        try stage.check()
        if let status = stage.ask("status") { picture.take(status: status) }
        if let outbox = stage.ask("outbox.show") { picture.take(outbox: outbox) }
        picture.verified = stage.receiver.store.upTo
        picture.messages = stage.receiver.messages
        for (index, place) in stage.board.places.enumerated() {
            picture.wires[index].note(place.replies, at: now.microseconds)
        }
        runOutage()
        if credit == nil, now >= nextPing, stage.receiver.isConnected, picture.mqtt == "connected" {
            nextPing = now + Self.pingInterval
            let (_, command) = try ping.next(now: stage.board.clock.wall())
            stage.receiver.send(command: command)
        }
        show.draw(picture, now: stage.board.clock.wall())
    }

    /// Lets the story of prepaid supply go on.
    private mutating func runCredit(_ now: Uptime) throws(SimulatorFailure) {
        guard credit != nil else { return }
        if let told = try credit?.look(now, isConnected: picture.mqtt == "connected") {
            for line in told.lines { show.tell(line) }
            if let report = told.report { show.report(report) }
        }
        picture.credit = credit?.picture
    }

    private mutating func runOutage() {
        guard let (line, order) = outage?.look(&picture, now: stage.board.clock.wall()) else { return }
        if let order { _ = stage.board.obey(order) }
        picture.news = line
        show.tell(line)
    }

    /// What was to be seen and was not, in words.
    var missing: [String] {
        guard credit == nil else { return [credit?.missing].compactMap(\.self) }
        return picture.missing + [outage?.missing].compactMap(\.self)
    }

    /// Follows what was typed; how the part ends, if it does.
    private mutating func obeyInput() -> Ending? {
        for line in input.lines() {
            if line == "next" { return .over }
            do throws(BoardOrder.Fault) {
                guard let answer = stage.board.obey(try BoardOrder(line, plan: stage.board.plan)) else {
                    return .stopped
                }
                tell(answer)
            } catch {
                tell(error.message)
            }
        }
        show.obeyed()
        return nil
    }

    private mutating func tell(_ answer: String) {
        picture.news = answer.split(separator: "\n").first.map(String.init) ?? ""
        show.tell(answer)
    }

    /// What else there is to be seen.
    private var closing: String {
        let others = DemoPart.allCases.filter { $0 != part }.map { "demo \($0.option)" }
        return "demo: everything is stopped; see also \(others.joined(separator: ", "))"
    }

    /// What was seen, in a few lines.
    var summary: String {
        let live = picture.meters.filter { $0.state == "live" }.count
        let intervals = picture.meters.map { "\($0.serial) \($0.intervalCount)" }.joined(separator: ", ")
        if let credit {
            let story = credit.summary.map { "  " + $0 }.joined(separator: "\n")
            return "demo: the story of prepaid supply\n\(story)\n\(closing)"
        }
        return """
            demo: \(live) of \(picture.meters.count) meters live; intervals at the cloud: \(intervals)
            demo: \(picture.verified) journal records verified by the cloud, outbox \
            \(picture.hasDrained ? "drained to 0" : "not drained"), \(picture.pings) signed pings answered
            \(outage?.summary.map { $0 + "\n" } ?? "")\(closing)
            """
    }
}
