import Drivers
import Glibc

/// Decodes and encodes again the EDMI frames that come on standard input as lines of hexadecimal digits, so many rounds,
/// and prints nanoseconds for one frame both ways. Every frame must come out as it went in.
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
        var sum = 0
        let began = now()
        for _ in 0..<rounds {
            for frame in frames {
                guard let body = try? EdmiFrame.decode(frame) else { exit(1) }
                sum &+= EdmiFrame.encode(body).count
            }
        }
        let elapsed = now() - began
        print(Double(elapsed) / Double(rounds * frames.count), sum)
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
