import Metering

/// The way to one system: its token, its pace, and how long it asked us to stay away.
struct UpstreamLane: Sendable {
    private(set) var system: any UpstreamSystem
    /// The number of the exchange or record under way; one at a time.
    var busy: UInt64?
    /// Whether that exchange gets a token.
    var isGettingToken = false
    var token: UpstreamToken?
    var tokenUntil = Uptime(microseconds: 0)
    /// Work nobody waits for rests until then: the system cannot be reached, or does not accept our key.
    var restsUntil = Uptime(microseconds: 0)
    /// The server asked for it: nobody sends before.
    var closedUntil = Uptime(microseconds: 0)
    /// A refused key is told once until it is accepted again.
    var isRefused = false
    /// What was told when it was refused, and when: people and their scripts do not hammer either.
    var refusal: (fault: UpstreamFault, at: Uptime)?
    private var sent: [Uptime] = []

    /// Seconds by which a token is renewed before its end.
    private static let tokenMargin: Int64 = 60

    init(_ system: any UpstreamSystem) { self.system = system }

    /// Another configuration of the same system: what is under way goes on, keys and addresses are the new ones.
    mutating func take(_ system: any UpstreamSystem) {
        self.system = system
        dropToken(withRefresh: true)
        restsUntil = Uptime(microseconds: 0)
        isRefused = false
        refusal = nil
    }

    /// The last refusal, while it is too fresh to ask again.
    func freshRefusal(at now: Uptime) -> UpstreamFault? {
        guard let refusal, now - refusal.at < RetryPolicy.attendedRest else { return nil }
        return refusal.fault
    }

    /// A token that is still good; nil when one must be got.
    func validToken(at now: Uptime) -> Secret? { tokenUntil > now ? token?.access : nil }

    mutating func take(_ token: UpstreamToken, at now: Uptime) {
        self.token = token
        let life = max(token.lifetime - Self.tokenMargin, token.lifetime / 2, 1)
        tokenUntil = now + min(life, 86_400) * 1_000_000
    }

    /// The access token was refused or is over; the refresh token may still be good.
    mutating func dropToken(withRefresh: Bool) {
        tokenUntil = Uptime(microseconds: 0)
        if withRefresh { token = nil }
    }

    /// When the next request may leave.
    func opensAt(attended: Bool) -> Uptime {
        var time = closedUntil
        if !attended { time = max(time, restsUntil) }
        if let pace = system.pace, sent.count >= pace.requests, let first = sent.first {
            time = max(time, first + pace.span)
        }
        return time
    }

    mutating func didSend(at now: Uptime) {
        guard let pace = system.pace else { return }
        sent.removeAll { now - $0 >= pace.span }
        sent.append(now)
        if sent.count > pace.requests { sent.removeFirst() }
    }
}
