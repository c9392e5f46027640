import Foundation
import Glibc

/// A program on a pseudo-terminal, and somebody who answers its questions.
enum Conversation {
    struct Outcome {
        var status: Int32
        var output: String
        /// What the terminal showed.
        var screen: String
        /// Questions nobody had an answer for; the conversation ends there.
        var unanswered: String?
    }

    /// - Parameter answers: the first whose question the last line holds is typed; an answer is used once.
    static func hold(
        _ arguments: [String], socket: String, answers: [(question: String, answer: String)]
    ) throws -> Outcome {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        defer { close(master) }
        var (lock, number) = (Int32(0), Int32(0))
        // TIOCSPTLCK and TIOCGPTN: the terminal's other end is unlocked, and its number asked for.
        guard master >= 0, ioctl(master, 0x4004_5431, &lock) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw CocoaError(.featureUnsupported)
        }
        let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        let process = Process()
        process.executableURL = URL(filePath: Program.meterside)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["METERSIDE_SOCKET": socket]) { $1 }
        let output = Pipe()
        process.standardInput = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
        process.standardError = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
        process.standardOutput = output
        try process.run()
        close(slave)
        var (screen, line) = ("", "")
        var (left, unanswered) = (answers, String?.none)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while unanswered == nil {
            let count = read(master, &buffer, buffer.count)
            guard count > 0 else { break }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            screen += text
            // A carriage return and a line feed are one character.
            line = String((line + text).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).last ?? "")
            guard line.hasSuffix(": ") else { continue }
            if let index = left.firstIndex(where: { line.contains($0.question) }) {
                let answer = Array((left.remove(at: index).answer + "\n").utf8)
                _ = write(master, answer, answer.count)
                line = ""
            } else {
                unanswered = line
                kill(process.processIdentifier, SIGKILL)
            }
        }
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self), screen: screen,
            unanswered: unanswered)
    }
}
