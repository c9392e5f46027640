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
    private var input = OrderInput()
    private var nextLook = Uptime(microseconds: 0)
    private var nextPing = Uptime(microseconds: 0)

    private static let lookInterval: Int64 = 500_000
    private static let pingInterval: Int64 = 8_000_000

    init(stage: DemoStage, show: any DemoShow, outage: DemoOutage? = nil) {
        self.stage = stage
        self.outage = outage
        self.show = show
        picture = DemoPicture(plan: stage.board.plan)
        ping = DemoPing(kid: stage.files.ownerName, secret: stage.files.ownerSecret, box: DemoStage.box)
    }

    /// Runs until the time is over or a signal came; fails when a program it needs ended.
    mutating func loop(until end: Uptime?, stop: StopSignal) throws(SimulatorFailure) {
        while true {
            var polled = [pollfd(fd: stop.event, events: Int16(POLLIN), revents: 0)]
            polled.append(pollfd(fd: input.isReadable ? 0 : -1, events: Int16(POLLIN), revents: 0))
            if let descriptor = stage.receiver.descriptor { polled.append(descriptor) }
            _ = poll(&polled, nfds_t(polled.count), 50)
            if polled[0].revents != 0 { return }
            if polled[1].revents != 0, obeyInput() { return }
            let now = BoardClock.uptime()
            for notice in try stage.receiver.service(now: now.microseconds) { take(notice) }
            if now >= nextLook {
                nextLook = now + Self.lookInterval
                try look(now)
            }
            if let end, now >= end { return }
        }
    }

    private mutating func take(_ notice: CloudReceiver.Notice) {
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
        if now >= nextPing, stage.receiver.isConnected, picture.mqtt == "connected" {
            nextPing = now + Self.pingInterval
            let (_, command) = try ping.next(now: stage.board.clock.wall())
            stage.receiver.send(command: command)
        }
        show.draw(picture, now: stage.board.clock.wall())
    }

    private mutating func runOutage() {
        guard let (line, order) = outage?.look(&picture, now: stage.board.clock.wall()) else { return }
        if let order { _ = stage.board.obey(order) }
        picture.news = line
        show.tell(line)
    }

    /// What was to be seen and was not, in words.
    var missing: [String] { picture.missing + [outage?.missing].compactMap(\.self) }

    /// Follows what was typed; true to end.
    private mutating func obeyInput() -> Bool {
        for line in input.lines() {
            do throws(BoardOrder.Fault) {
                guard let answer = stage.board.obey(try BoardOrder(line, plan: stage.board.plan)) else { return true }
                tell(answer)
            } catch {
                tell(error.message)
            }
        }
        show.obeyed()
        return false
    }

    private mutating func tell(_ answer: String) {
        picture.news = answer.split(separator: "\n").first.map(String.init) ?? ""
        show.tell(answer)
    }

    /// What was seen, in a few lines.
    var summary: String {
        let live = picture.meters.filter { $0.state == "live" }.count
        let intervals = picture.meters.map { "\($0.serial) \($0.intervalCount)" }.joined(separator: ", ")
        return """
            demo: \(live) of \(picture.meters.count) meters live; intervals at the cloud: \(intervals)
            demo: \(picture.verified) journal records verified by the cloud, outbox \
            \(picture.hasDrained ? "drained to 0" : "not drained"), \(picture.pings) signed pings answered
            \(outage?.summary.map { $0 + "\n" } ?? "")demo: everything is stopped
            """
    }
}
