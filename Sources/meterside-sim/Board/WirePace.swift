import CLinux
import Drivers
import Metering

/// How long bytes take on a real wire. A pseudo-terminal carries any number of them at once, so the meter waits as
/// long as its wire would have taken.
struct WirePace: Sendable {
    /// Nanoseconds a character, start and stop bits included.
    let character: Int64
    /// From the end of the request to the first byte of the reply, microseconds.
    let replyDelay: Int64
    /// The least silence between a reply and the next request, microseconds; a request before that is counted as
    /// too early. 0 where the protocol asks for none.
    let silence: Int64

    init(line: LineSettings, isModbus: Bool, replyDelay: Int64) {
        character = line.nanosecondsPerCharacter
        silence = isModbus ? line.frameSilence : 0
        self.replyDelay = replyDelay
    }

    /// Waits until `count` bytes that began at `start` are through. `exactly`: the last stretch is spun, because a
    /// sleeping thread wakes late by up to a tenth of a millisecond: a whole character at 115200 baud.
    func wait(from start: Uptime, count: Int, exactly: Bool) {
        let deadline = start + Int64(count) * character / 1000 + 1
        Self.sleep(until: exactly ? deadline + -Self.spin : deadline)
        while exactly, BoardClock.uptime() < deadline {}
    }

    /// Microseconds.
    private static let spin: Int64 = 150

    /// Bytes written at once: about a millisecond of wire, so that a reply trickles in as it does from a real line.
    var chunk: Int { max(1, Int(1_000_000 / character)) }

    private static func sleep(until deadline: Uptime) {
        while true {
            let left = deadline - BoardClock.uptime()
            guard left > 0 else { return }
            _ = clinux_wait(-1, -1, left * 1000)
        }
    }
}
