import Glibc
import Intervals
import Metering

/// From file to intervals, 30-minute totals and time-of-use charge, with full validation; or, with `write` as second
/// argument, the same values back into a file at /dev/null.
@main
struct Throughput {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else { return print("usage: nem12-throughput FILE [parse|write]") }
        switch arguments.dropFirst(2).first {
        case "parse":
            var count = Counter()
            feed(arguments[1], to: &count)
            print("\(count.values) values, sum \(count.sum), \(count.faults) faults")
        case "write": try write(arguments[1])
        default: try rate(arguments[1])
        }
    }

    static let tariff = #"""
        {"unit": "kWh", "bands": [{"name": "peak", "rate_micro": 412000}, {"name": "off-peak", "rate_micro": 179500}],
         "times": [{"band": "peak", "days": ["mon","tue","wed","thu","fri"], "from": "15:00", "to": "21:00"}]}
        """#

    private static func rate(_ path: String) throws {
        var totals = Totals(rating: SeriesRating(try Tariff(JSONReader.read(tariff)), zone: .market))
        feed(path, to: &totals)
        // As the plain program rounds: each band once over all.
        var bands: [Int128] = [0, 0]
        for account in totals.rating.accounts {
            for (index, line) in account.state.lines.enumerated() { bands[index] += line.quantity }
        }
        let money = bands[0] * 412_000 / 1_000_000_000 + bands[1] * 179_500 / 1_000_000_000
        let check = UInt64(bitPattern: totals.check)
        print("\(totals.values) values, \(totals.halves) half hours, check \(check), \(money) micro")
        if totals.faults > 0 { print("\(totals.faults) faults") }
    }

    private static func write(_ path: String) throws {
        let output = open("/dev/null", O_WRONLY)
        defer { close(output) }
        let header = Nem12Header(created: 0, from: "MDP1", to: "RET1")
        var copy = Copy(writer: try Nem12Writer(header), output: output)
        feed(path, to: &copy)
        copy.writer.finish()
        copy.flush()
        print("\(copy.values) values, \(copy.bytes) bytes, \(copy.faults) faults")
    }

    private static func feed(_ path: String, to handler: inout some Nem12Handler) {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 256 << 10)
        defer { buffer.deallocate() }
        var reader = Nem12Reader()
        while true {
            let count = read(file, buffer.baseAddress, buffer.count)
            guard count > 0 else { break }
            reader.feed(UnsafeBufferPointer(rebasing: buffer[..<count]), to: &handler)
        }
        reader.finish(to: &handler)
    }
}

/// Reads only.
struct Counter: Nem12Handler {
    var values = 0
    var sum: Int64 = 0
    var faults = 0

    mutating func day(_ day: Nem12Day) {
        values += day.values.count
        for value in day.values { sum &+= value }
    }
    mutating func fault(_ fault: Nem12Fault) { faults += 1 }
}

/// 30-minute totals with a check sum over their order, and the charge.
struct Totals: Nem12Handler {
    var rating: SeriesRating
    var values = 0
    var halves = 0
    var check: Int64 = 0
    var faults = 0

    mutating func day(_ day: Nem12Day) {
        values += day.values.count
        halves += 48
        let each = day.values.count / 48
        var check = check
        for half in 0..<48 {
            var sum: Int64 = 0
            for index in (half &* each)..<(half &* each &+ each) { sum &+= day.values[index] }
            check = check &* 31 &+ sum
        }
        self.check = check
        do throws(RatingFault) { try rating.add(day) } catch { faults += 1 }
    }
    mutating func fault(_ fault: Nem12Fault) { faults += 1 }
}

/// Writes every day again.
struct Copy: Nem12Handler {
    var writer: Nem12Writer
    let output: Int32
    var values = 0
    var bytes = 0
    var faults = 0

    mutating func stream(_ stream: Nem12Stream) {
        do throws(Nem12WriteFault) { try writer.begin(stream) } catch { faults += 1 }
    }
    mutating func day(_ day: Nem12Day) {
        values += day.values.count
        do throws(Nem12WriteFault) {
            try writer.day(day.day, values: day.values, ranges: day.ranges, updated: day.updated, loaded: day.loaded)
        } catch {
            faults += 1
        }
        if writer.bytes.count > 256 << 10 { flush() }
    }
    mutating func flush() {
        bytes += writer.bytes.count
        _ = writer.bytes.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
        writer.clear()
    }
    mutating func fault(_ fault: Nem12Fault) { faults += 1 }
}
