import Bus
import Metering

/// The wires' clock: readings carry the time the daemon lives in, silences are measured in real time.
struct BusTime: BusClock {
    let time: SystemTime

    func now() -> Moment { time.now() }
    func uptime() -> Uptime { time.realUptime() }
}
