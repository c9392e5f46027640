import Drivers
import Glibc

/// Decodes and encodes again the EDMI frames that come on standard input as lines of hexadecimal digits, so many rounds,
/// and prints nanoseconds for one frame there and back: into buffers that are used again, and into a new array each time.
/// Every frame must come out as it went in.
@main
struct EdmiCodecBenchmark {
    static func main() {
        let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1000
        var frames: [[UInt8]] = []
        while let line = readLine() { frames.append(bytes(line)) }
        guard !frames.isEmpty, frames.allSatisfy(returns) else {
            print("a frame did not come out as it went in")
            exit(1)
        }
        let (buffers, first) = time(rounds, frames.count) { intoBuffers(frames) }
        let (arrays, second) = time(rounds, frames.count) { intoArrays(frames) }
        guard first == second else { exit(1) }
        print(buffers, arrays)
    }

    /// Nanoseconds for one frame, and all bytes encoded.
    private static func time(_ rounds: Int, _ frames: Int, _ round: () -> Int) -> (Double, Int) {
        var sum = 0
        let began = now()
        for _ in 0..<rounds { sum &+= round() }
        return (Double(now() - began) / Double(rounds * frames), sum)
    }

    private static func intoArrays(_ frames: [[UInt8]]) -> Int {
        frames.reduce(into: 0) { sum, frame in
            guard let body = try? EdmiFrame.decode(frame) else { exit(1) }
            sum &+= EdmiFrame.encode(body).count
        }
    }

    private static func intoBuffers(_ frames: [[UInt8]]) -> Int {
        let longest = frames.map(\.count).max() ?? 0
        let body = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: EdmiFrame.decodedCapacity(longest))
        let wire = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: EdmiFrame.encodedCapacity(longest))
        defer {
            body.deallocate()
            wire.deallocate()
        }
        return frames.reduce(into: 0) { sum, frame in
            guard case .success(let length) = frame.withUnsafeBufferPointer({ EdmiFrame.decode($0, into: body) }),
                let count = EdmiFrame.encode(UnsafeBufferPointer(rebasing: body[..<length]), into: wire)
            else { exit(1) }
            sum &+= count
        }
    }

    private static func returns(_ frame: [UInt8]) -> Bool {
        (try? EdmiFrame.decode(frame)).map { EdmiFrame.encode($0) == frame } ?? false
    }

    private static func bytes(_ digits: String) -> [UInt8] {
        var result: [UInt8] = []
        var high: Int?
        for digit in digits.compactMap(\.hexDigitValue) {
            if let first = high {
                result.append(UInt8(first << 4 | digit))
                high = nil
            } else {
                high = digit
            }
        }
        return result
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
