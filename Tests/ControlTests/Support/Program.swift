import Foundation
import Testing

/// Runs programs and gives what they said.
enum Program {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The command line, built beside the tests.
    static let meterside = Bundle.main.bundleURL.appending(path: "meterside").path

    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        let typed = Pipe()
        process.standardInput = input == nil ? FileHandle.nullDevice as Any : typed
        try process.run()
        // It fits the pipe, so that the program need not read it.
        try typed.fileHandleForWriting.write(contentsOf: Data((input ?? "").utf8))
        try typed.fileHandleForWriting.close()
        // What these programs say fits the pipes, so that one may be read after the other.
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
            errors: String(decoding: complained, as: UTF8.self))
    }

    /// The checkout.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// A Python with PyJWT; nil when there is none.
    static let pythonWithJWT = python(importing: "jwt, cryptography")

    /// A Python with nemreader; nil when there is none.
    static let pythonWithNemreader = python(importing: "nemreader")

    private static func python(importing modules: String) -> String? {
        let named = ProcessInfo.processInfo.environment["METERSIDE_PYTHON"]
        let candidates = [named, root.appending(path: ".venv/bin/python").path, "/usr/bin/python3"].compactMap { $0 }
        return candidates.first { (try? run($0, ["-c", "import \(modules)"]))?.status == 0 }
    }
}
