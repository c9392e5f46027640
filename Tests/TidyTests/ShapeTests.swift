import Foundation
import Testing

/// Lengths, documentation and banned words.
@Suite struct ShapeTests {
    @Test func files_areAtMost400Lines() {
        for file in Tree.sources + Tree.tests {
            let count = file.lines.count - 1
            #expect(count <= 400, "\(file.path) has \(count) lines: cut it by subject")
        }
    }

    /// In tests, where golden texts may be long, this is left to swift-format.
    @Test func lines_areAtMost120Columns() {
        for file in Tree.sources {
            for (number, line) in file.lines.enumerated() where line.count > 120 {
                Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
            }
        }
    }

    /// A function starts at a line with `func `, `init` or a computed member and ends at the closing brace of the
    /// same indentation: swift-format keeps it so.
    @Test func functions_areAtMost70Lines() {
        for file in Tree.sources {
            for (number, line) in file.lines.enumerated() where Self.startsFunction(line) {
                let indentation = line.prefix { $0 == " " }
                guard line.hasSuffix("{") || !line.contains("}") else { continue }
                let rest = file.lines[(number + 1)...]
                guard let end = rest.firstIndex(where: { $0.hasPrefix(indentation + "}") }) else { continue }
                let length = end - number + 1
                #expect(
                    length <= 70, "\(file.path):\(number + 1): a function of \(length) lines: it does not fit a screen")
            }
        }
    }

    private static func startsFunction(_ line: String) -> Bool {
        let text = line.drop { $0 == " " }
        if text.hasPrefix("//") { return false }
        return text.contains("func ") || text.hasPrefix("init") || text.contains(" init(")
    }

    /// Words that must not stand in `Sources`, with the reason.
    private static let banned: [(word: String, reason: String, exceptIn: [String])] = [
        ("try!", "bad input would end the process", []),
        ("fatalError(", "an error has a message and a way out; the process does not die of input", []),
        ("Task.sleep", "every wait is a poll with a timeout computed from uptime", []),
        ("ContinuousClock", "only SystemTime.swift reads clocks", []),
        ("Date()", "only SystemTime.swift reads clocks", []),
        (
            "clock_gettime", "only SystemTime.swift reads clocks",
            [
                "Sources/metersided/SystemTime.swift", "Sources/meterside/CommandLineClock.swift",
                "Sources/meterside-sim/BoardClock.swift",
            ]
        ),
        ("SystemRandomNumberGenerator", "the same inputs give the same effects", []),
        (
            ".random(in", "the same inputs give the same effects",
            ["Sources/Upstream/Transports/MqttLoop.swift"]  // jitter between attempts to connect
        ),
        ("TODO", "unfinished work belongs in the tracker", []),
        ("FIXME", "unfinished work belongs in the tracker", []),
        ("synchronous=NORMAL", "it loses acknowledged commits at a power cut", []),
        ("modbus_connect(rtuOverTcp", "never on an RTU-over-TCP context", []),
    ]

    @Test func sources_holdNoBannedWords() {
        for file in Tree.sources {
            for (number, line) in file.lines.enumerated() {
                for ban in Self.banned where line.contains(ban.word) && !ban.exceptIn.contains(file.path) {
                    Issue.record("\(file.path):\(number + 1): \(ban.word): \(ban.reason)")
                }
            }
        }
    }

    @Test func money_andEnergy_areNeverFloatingPoint() {
        for file in Tree.sources where ["Credit", "Intervals"].contains(file.target) {
            for (number, line) in file.lines.enumerated() {
                let words = line.split { !$0.isLetter && !$0.isNumber }
                #expect(
                    !words.contains("Double") && !words.contains("Float"),
                    "\(file.path):\(number + 1): floating point near money or energy")
            }
        }
    }

    @Test func publicTypes_areAllDocumented() {
        for (place, isDocumented) in Self.publicDeclarations(["struct ", "enum ", "class ", "protocol ", "actor "]) {
            #expect(isDocumented, "\(place): public and not documented: say what it is, with units and errors")
        }
    }

    /// What fulfils a protocol has its words there; hence not all of them.
    @Test func publicFunctions_areDocumentedNineOfTen() {
        let found = Self.publicDeclarations(["func "])
        let bare = found.filter { !$0.isDocumented }.map(\.place)
        #expect(bare.count * 10 <= found.count, "\(bare.joined(separator: "\n"))")
    }

    private static func publicDeclarations(_ kinds: [String]) -> [(place: String, isDocumented: Bool)] {
        var found: [(String, Bool)] = []
        for file in Tree.sources {
            for (number, line) in file.lines.enumerated() {
                let text = line.drop { $0 == " " }
                guard text.hasPrefix("public "), kinds.contains(where: { text.contains($0) }),
                    !text.contains("static func <"), !text.contains("static func +"), !text.contains("static func -"),
                    !text.contains("static func =="), !text.contains("func hash(into")
                else { continue }
                var above = number - 1
                while above >= 0, file.lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
                let comment = above >= 0 ? file.lines[above].drop { $0 == " " } : ""
                found.append(("\(file.path):\(number + 1)", comment.hasPrefix("///")))
            }
        }
        return found
    }

    @Test func noFile_isCalledMain() {
        for file in Tree.sources {
            #expect(
                !file.path.hasSuffix("/main.swift"),
                "\(file.path): closures at its top level become main-actor-isolated and crash in C callbacks")
        }
    }

    @Test func topLevel_holdsOnlyWhatTheDesignAllows() throws {
        let allowed: Set = ["Package.swift", "README.md", "LICENSE", "Sources", "Tests", "hardware", "packaging"]
        for name in try FileManager.default.contentsOfDirectory(atPath: Tree.root.path) where !name.hasPrefix(".") {
            #expect(allowed.contains(name) || name == "Package.resolved", "\(name) does not belong at the top level")
        }
    }
}
