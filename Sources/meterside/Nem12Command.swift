import ArgumentParser
import Glibc
import Intervals
import Metering

/// `meterside nem12 …`
struct Nem12Group: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nem12", abstract: "Interval files of the market; only export needs the daemon.",
        subcommands: [Nem12ExportCommand.self, Nem12CheckCommand.self, Nem12RateCommand.self])
}

/// A file of any length, read in pieces.
enum Nem12File {
    private static let piece = 256 << 10

    /// Tells the handler what the file holds; `-` is standard input.
    static func read(_ path: String, to handler: inout some Nem12Handler) throws(CommandFailure) {
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileAccess.failure("read", path) }
        defer { close(descriptor) }
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: piece)
        defer { buffer.deallocate() }
        var reader = Nem12Reader()
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileAccess.failure("read", path)
            }
            reader.feed(UnsafeBufferPointer(rebasing: buffer[..<count]), to: &handler)
        }
        reader.finish(to: &handler)
    }

    /// `2026-03-02` of days since 1970.
    static func date(_ day: Int) -> String { String(WallTime(seconds: Int64(day) * 86_400).textSeconds.prefix(10)) }

    /// `10,512,000`
    static func grouped(_ number: some BinaryInteger) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// `1 day`, `10,512,000 readings`
    static func count(_ number: Int, _ noun: String) -> String { "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")" }
}
