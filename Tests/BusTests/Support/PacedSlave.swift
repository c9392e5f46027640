import CLinux
import Drivers
import Foundation
import Metering

/// A Modbus RTU slave on a pseudo-terminal that takes as long as a real line: a pseudo-terminal itself has no speed.
/// A request of n characters is over n characters after it was written, the reply begins 3.5 characters later and its
/// last byte is readable when it would have been on the wire.
enum PacedSlave {
    /// What it saw.
    struct Result {
        /// From the first request's first bit to the last reply's last one, nanoseconds.
        var elapsed: Int64
        /// The shortest time the same exchanges can take: all characters, and two silences for each.
        var shortest: Int64
        /// Requests that came before 3.5 characters of silence had passed.
        var early: Int
    }

    /// Serves `polls` requests on `master`, then returns.
    static func serve(_ master: Int32, line: LineSettings, polls: Int) -> Result {
        clinux_timer_slack(1)
        let character = line.nanosecondsPerCharacter
        let silence = line.baud > 19_200 ? 1_750_000 : character * 35 / 10
        var result = Result(elapsed: 0, shortest: 0, early: 0)
        var started: Int64 = 0
        var lineFree: Int64 = 0
        for poll in 0..<polls {
            let request = receive(master, count: 8)
            let arrived = now()
            if poll == 0 { started = arrived } else if arrived < lineFree + silence { result.early += 1 }
            guard let (unit, asked) = try? ModbusRTU.request(in: request), case .read(let read) = asked else {
                continue
            }
            let words = (0..<read.count).map { read.address &+ $0 }
            let reply = ModbusRTU.answer(.registers(words), function: read.function, unit: unit)
            let cycle = Int64(8 + reply.count) * character
            sleep(until: arrived + cycle + silence)
            _ = reply.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
            lineFree = arrived + cycle + silence
            result.shortest += cycle + 2 * silence
        }
        // The silence after the last reply is not waited for.
        result.elapsed = now() - started + silence
        return result
    }

    private static func receive(_ master: Int32, count: Int) -> [UInt8] {
        var request: [UInt8] = []
        while request.count < count {
            guard clinux_wait(-1, master, 10_000_000_000) & CLINUX_READY != 0 else { break }
            var piece = [UInt8](repeating: 0, count: count - request.count)
            let length = read(master, &piece, piece.count)
            guard length > 0 else { break }
            request += piece[..<length]
        }
        return request
    }

    private static func sleep(until time: Int64) {
        while case let left = time - now(), left > 0 { _ = clinux_wait(-1, -1, left) }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
