import ArgumentParser
import Drivers
import Metering

/// `meterside replay FILE`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Say what the frames of a capture mean; needs no daemon.",
        discussion: "Ends with 5 when a frame is damaged.")

    @Argument(help: "A file of `meterside capture`.")
    var file: String

    @OptionGroup var output: JSONFlag

    /// Longest file that is read whole.
    private static let limit = 256 << 20

    func run() throws {
        let bytes = try FileAccess.read(file, limit: Self.limit)
        let capture: Capture
        do throws(CaptureError) {
            capture = try Capture.read(bytes)
        } catch {
            throw CommandFailure.usage("\(file): \(error)", hint: "give a file that `meterside capture` wrote")
        }
        let decoded = CaptureReading.read(capture)
        output.show(.array(decoded.map(\.json))) { Self.lines(capture, decoded, colour: $0) }
        if decoded.contains(where: \.isDamaged) { throw CommandStatus.refused }
    }

    static func lines(_ capture: Capture, _ decoded: [DecodedFrame], colour: Bool) -> [String] {
        var heading = "port \(capture.port)  \(capture.wire.rawValue)"
        if let line = capture.line { heading += "  \(line.text)" }
        if let at = capture.at { heading += "  \(TextLayout.time(at.text))" }
        var table = Table(.right("SECONDS"), .left("DIR"), .right("BYTES"), .flexible("MEANING"))
        for frame in decoded {
            table.add(
                Table.Cell(seconds(frame.microseconds)), Table.Cell(frame.direction.rawValue),
                Table.Cell(String(frame.length)), Table.Cell(frame.meaning, tone: frame.isDamaged ? .bad : nil))
        }
        let damaged = decoded.count { $0.isDamaged }
        return [TextLayout.clean(heading), ""] + table.lines(colour: colour)
            + ["", "\(decoded.count) frames, \(damaged) damaged"]
    }

    /// `12.034567`
    static func seconds(_ microseconds: Int64) -> String {
        let digits = String(1_000_000 + microseconds % 1_000_000).dropFirst()
        return "\(microseconds / 1_000_000).\(digits)"
    }
}
