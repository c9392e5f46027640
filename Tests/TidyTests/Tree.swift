import Foundation

/// The checkout, read once.
enum Tree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A Swift file with its path from the root.
    struct File: Sendable {
        var path: String
        var lines: [String]
        /// `Metering` for `Sources/Metering/Moment.swift`.
        var target: String
    }

    static let sources = swiftFiles(under: "Sources")
    static let tests = swiftFiles(under: "Tests")

    private static func swiftFiles(under folder: String) -> [File] {
        let base = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(atPath: base.path) else { return [] }
        var files: [File] = []
        for case let name as String in walker where name.hasSuffix(".swift") && !name.contains(".build/") {
            guard let text = try? String(contentsOf: base.appending(path: name), encoding: .utf8) else { continue }
            files.append(
                File(
                    path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"),
                    target: String(name.prefix { $0 != "/" })))
        }
        return files.sorted { $0.path < $1.path }
    }
}
