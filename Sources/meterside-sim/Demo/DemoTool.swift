import CLinux
import Glibc

/// The command line, run as a process of its own at a terminal of a chosen width: what a person would see.
final class DemoTool {
    /// What it wrote and how it ended.
    struct Answer {
        var lines: [String]
        var code: Int32
    }

    private let child: ChildProcess
    private let master: Int32
    private var bytes: [UInt8] = []

    /// Starts it; `answer` gives the end.
    init(_ executable: String, _ arguments: [String], columns: Int, lines: Int = 60) throws(SimulatorFailure) {
        var path = [CChar](repeating: 0, count: 128)
        master = clinux_pty_open(&path, path.count)
        guard master >= 0 else { throw .system("cannot make a pseudo-terminal", -master) }
        let device = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var size = winsize(ws_row: UInt16(lines), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        _ = fcntl(master, F_SETFL, O_NONBLOCK)
        do throws(SimulatorFailure) {
            child = try ChildProcess(
                name: executable, executable: executable, arguments: arguments, log: device,
                environment: ["NO_COLOR=1", "TERM=xterm"])
        } catch {
            close(master)
            throw error
        }
    }

    deinit {
        child.stop(within: 200)
        close(master)
    }

    /// What it said once it has ended; call it often, a terminal holds little.
    func answer() -> Answer? {
        let hasEnded = child.ended() != nil
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(master, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        guard hasEnded else { return nil }
        let rows = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        var lines = rows.map { String(decoding: Self.visible($0), as: UTF8.self) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return Answer(lines: lines, code: child.exitCode ?? -1)
    }

    /// What is left on a line on which progress was written over and over.
    private static func visible(_ row: ArraySlice<UInt8>) -> [UInt8] {
        let clear: [UInt8] = [0x1B, 0x5B, 0x4B]
        var text: [UInt8] = []
        for byte in row where byte != 0x0D {
            text.append(byte)
            if text.suffix(3) == clear[...] { text = [] }
        }
        return text
    }
}
