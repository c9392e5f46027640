import Metering

/// Whether anything answers, found out without logging in and without writing: what a scan starts with.
public enum EdmiPresence: Hashable, Sendable {
    /// A meter answered; on a plain line that is all attention tells.
    case present
    case silent

    /// One try: attention on a plain line, else the serial number asked for, which a meter refuses (9) or answers.
    public static func probe(_ link: EdmiLink) -> EdmiExchange {
        var link = link
        link.tries = 1
        guard link.address != nil else { return attention(link) }
        return link.exchange(.read(0xF002), sequence: 0x7FFF)
    }

    /// What the outcome of `probe` says. Any fit answer counts; damage does not, it may be a wrong baud rate.
    public static func reading(_ outcome: BusOutcome, of exchange: EdmiExchange) -> EdmiPresence {
        guard case .edmi(let body) = outcome, case .mine(let inner) = exchange.match(body),
            EdmiReply(inner: inner) != nil
        else { return .silent }
        return .present
    }

    /// "Enter command line": ESC and an empty frame.
    static func attention(_ link: EdmiLink) -> EdmiExchange {
        EdmiExchange(
            wire: [0x1B] + EdmiFrame.encode(EdmiCommand.attention.bytes), expectation: .plain, timeout: link.timeout,
            interCharacter: link.interCharacter, turnaround: link.turnaround, tries: link.tries)
    }
}
