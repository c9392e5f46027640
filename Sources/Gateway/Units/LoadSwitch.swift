import Credit
import Drivers
import Metering

/// A movement of a load switch that was ordered and is not seen to its end yet.
struct SwitchMove: Hashable, Sendable {
    var closes: Bool
    var reason: SupplyReason
    /// 1…3
    var attempt = 1
    /// The `supply.ordered` record; nil before it is written.
    var orderedSeq: Int64?
    /// How often it was looked at since the order.
    var looks = 0
}

/// What became known of a switch.
enum SwitchNews: Hashable, Sendable {
    /// The contact was seen for the first time since the start.
    case found(closed: Bool)
    /// It follows an order.
    case followed(SwitchMove)
    /// It did not follow, three times; `observed` is nil when it does not answer.
    case failed(SwitchMove, observed: Bool?)
    /// It is not where it was, and nobody had ordered that.
    case changed(closed: Bool)
    /// It has not answered for a minute.
    case lost
}

/// One load switch: moves it, and looks whether it follows. It never assumes: what was not seen is not known, and an
/// order is not its result.
struct LoadSwitch: Sendable {
    static let attempts = 3
    /// Looks after an order, microseconds after its reply.
    static let looks: [Int64] = [300_000, 1_000_000, 3_000_000]
    /// Between looks while nothing moves, microseconds.
    static let watch: Int64 = 10_000_000
    /// After three attempts that failed, microseconds.
    static let retryPause: Int64 = 900_000_000
    /// An order is worth something for so long only, microseconds: what allowed it was checked at its time.
    static let orderLife: Int64 = 5_000_000
    /// Silence of the switch that people are told about, microseconds.
    private static let lostAfter: Int64 = 60_000_000

    let settings: SwitchSettings
    let port: PortID
    let place: ContactJob.Place
    /// The contact as it was seen last; nil while unknown.
    private(set) var isClosed: Bool?
    private(set) var seenAt: Moment?
    /// What it should show: the contact as it was known last, or as it was ordered since.
    private(set) var expected: Bool?
    /// The movement that is under way.
    private(set) var move: SwitchMove?
    /// No new movement before this: the last three attempts failed.
    private(set) var retryAt: Uptime?
    /// The order is to be put on the wire.
    private(set) var isOrderDue = false
    /// When it is looked at next.
    private(set) var lookAt: Uptime?
    private(set) var request: UInt64?
    private(set) var requestedAt = Uptime(microseconds: 0)
    private var isOrderOut = false
    private var silentSince: Uptime?
    private var isLost = false
    private var isChangeSuspected = false
    private var orderedAt = Uptime(microseconds: 0)

    /// Nil for a driver that has no contact of its own on a port.
    init?(_ settings: SwitchSettings, expected: Bool?, at now: Uptime) {
        self.settings = settings
        switch settings.driver {
        case .modbusCoil(let port, let unit, let coil, let feedback):
            self.port = port
            place = .coil(unit: unit, coil: coil, feedback: feedback)
        case .gpio(let port):
            self.port = port
            place = .line
        case .meterRegister: return nil
        }
        self.expected = expected
        lookAt = now
    }

    /// Whether the contact was seen since the start, and is not lost.
    var isKnown: Bool { isClosed != nil && !isLost }

    /// What confirms a movement.
    func evidence(_ state: ContactState) -> (closed: Bool, by: String)? {
        if let feedback = state.feedback { return (feedback, "feedback") }
        if case .coil(_, _, _?) = place { return nil }
        return state.output.map { ($0, "output") }
    }

    private(set) var evidenceWord = "feedback"

    // MARK: Moving

    /// Wants a movement; it is put on the wire when the port has room and the guard still allows it.
    mutating func want(_ move: SwitchMove) {
        self.move = move
        isOrderDue = true
    }

    /// The movement is not wanted any more. Gives it when an earlier attempt had gone out, whose end nobody awaits now.
    mutating func withdraw(at now: Uptime) -> SwitchMove? {
        guard isOrderDue, let move else { return nil }
        isOrderDue = false
        self.move = nil
        lookAt = min(lookAt ?? now, now)
        return move.orderedSeq == nil ? nil : move
    }

    /// The order goes out now.
    mutating func order(_ request: UInt64, seq: Int64, at now: Uptime) -> ContactJob? {
        guard isOrderDue, var move else { return nil }
        move.orderedSeq = seq
        move.looks = 0
        self.move = move
        isOrderDue = false
        isOrderOut = true
        orderedAt = now
        requestedAt = now
        self.request = request
        lookAt = nil
        return ContactJob(place: place, order: move.closes, deadline: now + Self.orderLife)
    }

    /// A look goes out now; nil when none is due.
    mutating func look(_ request: UInt64, at now: Uptime) -> ContactJob? {
        guard self.request == nil, let lookAt, lookAt <= now else { return nil }
        self.request = request
        requestedAt = now
        self.lookAt = nil
        return ContactJob(place: place)
    }

    /// What is wanted of the port now.
    func isDue(at now: Uptime) -> Bool { request == nil && (isOrderDue || lookAt.map { $0 <= now } ?? false) }

    // MARK: Answers

    /// Takes the answer to the job that is out.
    mutating func take(_ outcome: BusOutcome, at moment: Moment) -> SwitchNews? {
        request = nil
        let wasOrder = isOrderOut
        isOrderOut = false
        var seen: (closed: Bool, by: String)?
        if case .contact(let state) = outcome { seen = evidence(state) }
        guard let seen else { return missed(wasOrder: wasOrder, at: moment.uptime) }
        silentSince = nil
        isLost = false
        evidenceWord = seen.by
        let isFirst = isClosed == nil
        seenAt = moment
        if move != nil, move?.orderedSeq != nil, !isOrderDue { return judge(seen.closed, wasOrder, at: moment.uptime) }
        lookAt = moment.uptime + Self.watch
        if isFirst {
            isClosed = seen.closed
            expected = expected ?? seen.closed
            return .found(closed: seen.closed)
        }
        guard seen.closed != isClosed else {
            isChangeSuspected = false
            return nil
        }
        // One look may be a glitch; two are a fact.
        guard isChangeSuspected else {
            isChangeSuspected = true
            lookAt = moment.uptime + Self.looks[0]
            return nil
        }
        isChangeSuspected = false
        isClosed = seen.closed
        expected = seen.closed
        // What had not followed moves again: nobody who has paid waits for the pause to end.
        retryAt = nil
        return .changed(closed: seen.closed)
    }

    private mutating func judge(_ closed: Bool, _ wasOrder: Bool, at now: Uptime) -> SwitchNews? {
        guard var move else { return nil }
        if closed == move.closes {
            isClosed = closed
            expected = closed
            self.move = nil
            retryAt = nil
            lookAt = now + Self.watch
            return .followed(move)
        }
        // Time for the contact to move begins with the reply to the order.
        if wasOrder { orderedAt = now } else { move.looks += 1 }
        self.move = move
        if move.looks < Self.looks.count {
            lookAt = orderedAt + Self.looks[move.looks]
            return nil
        }
        return giveUp(move, observed: closed, at: now)
    }

    private mutating func giveUp(_ move: SwitchMove, observed: Bool?, at now: Uptime) -> SwitchNews? {
        var move = move
        guard move.attempt >= Self.attempts else {
            move.attempt += 1
            move.looks = 0
            self.move = move
            isOrderDue = true
            return nil
        }
        self.move = nil
        isOrderDue = false
        retryAt = now + Self.retryPause
        lookAt = now + Self.watch
        if let observed {
            isClosed = observed
            expected = observed
        }
        return .failed(move, observed: observed)
    }

    /// No answer, or one that says nothing: an order may have been carried out all the same.
    private mutating func missed(wasOrder: Bool, at now: Uptime) -> SwitchNews? {
        let since = silentSince ?? now
        silentSince = since
        if var move, move.orderedSeq != nil, !isOrderDue {
            if wasOrder { orderedAt = now } else { move.looks += 1 }
            self.move = move
            if move.looks < Self.looks.count {
                lookAt = orderedAt + Self.looks[move.looks]
            } else if let news = giveUp(move, observed: nil, at: now) {
                // What was ordered may have happened: the contact is unknown until it is seen again.
                isLost = true
                return news
            }
            return nil
        }
        lookAt = now + Self.watch
        guard !isLost, now - since >= Self.lostAfter else { return nil }
        isLost = true
        return .lost
    }

    /// Answers that take longer than this do not come any more, microseconds.
    static let longestAnswer: Int64 = 60_000_000

    /// Gives up an answer that does not come.
    mutating func expire(at now: Uptime) {
        if request != nil, now - requestedAt >= Self.longestAnswer { portDown(at: now) }
    }

    /// The port went away: what was out may have happened or not.
    mutating func portDown(at now: Uptime) {
        request = nil
        isOrderOut = false
        silentSince = silentSince ?? now
        if lookAt == nil { lookAt = now + Self.watch }
    }

    /// The port is back.
    mutating func portUp(at now: Uptime) { lookAt = now }

    /// Looks again at once.
    mutating func lookNow(at now: Uptime) { lookAt = min(lookAt ?? now, now) }

    /// The port cannot be asked: the same as a look without an answer.
    mutating func missLook(at now: Uptime) -> SwitchNews? {
        guard request == nil, let due = lookAt, due <= now else { return nil }
        lookAt = now + Self.watch
        return missed(wasOrder: false, at: now)
    }
}
