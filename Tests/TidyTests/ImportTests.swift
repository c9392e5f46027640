import Testing

/// Which target may import what, and why: the layers of the design (README, "Navigating").
@Suite struct ImportTests {
    private static let system = ["Glibc", "FoundationEssentials", "Synchronization"]

    /// Modules a target may import. What is not here is banned for the reason `reason` gives.
    private static let allowed: [String: [String]] = [
        "Metering": [],
        "Intervals": ["Metering"],
        "Drivers": ["Metering"],
        "Credit": ["Metering", "Intervals"],
        "Gateway": ["Metering", "Intervals", "Drivers", "Credit"],
        "Simulator": ["Metering", "Intervals", "Drivers", "Credit", "Gateway"],
        "Crypto": ["COpenSSL"],
        "Toml": ["Metering", "TOMLKit"] + system,
        "Bus": ["Metering", "Drivers", "CModbus", "CGPIO", "CLinux"] + system,
        "Journal": ["Metering", "Crypto", "CSQLite"] + system,
        "Upstream": ["Metering", "Crypto", "CMosquitto", "CCurl", "CLinux"] + system,
        "Control": ["Metering", "CLinux"] + system,
        "metersided": [
            "Metering", "Intervals", "Drivers", "Credit", "Gateway", "Crypto", "Toml", "Bus", "Journal", "Upstream",
            "Control", "CLinux", "Logging",
        ] + system,
        "meterside": ["Metering", "Intervals", "Drivers", "Credit", "Crypto", "Control", "ArgumentParser"] + system,
        "meterside-sim": [
            "Metering", "Intervals", "Drivers", "Credit", "Gateway", "Simulator", "Crypto", "Toml", "Upstream",
            "Control", "CLinux", "CMosquitto", "ArgumentParser",
        ] + system,
    ]

    private static func reason(_ module: String, in target: String) -> String {
        switch module {
        case "Foundation", "FoundationNetworking":
            "full Foundation links ICU: 45 MB in the daemon; use FoundationEssentials at the edges"
        case "FoundationEssentials", "Glibc", "Synchronization", "Dispatch":
            "the core is a value: no clock, no I/O, no threads; it runs the same in the simulator and on the box"
        case "CModbus", "CSQLite", "CMosquitto", "CCurl", "COpenSSL", "CGPIO":
            "each C library is seen by one target, so that it can be replaced in one place"
        default: "a target imports only from lower layers, never sideways (\(target) does not sit above \(module))"
        }
    }

    @Test func imports_followTheLayers() {
        #expect(!Tree.sources.isEmpty)
        for file in Tree.sources {
            guard let allowed = Self.allowed[file.target] else {
                Issue.record("\(file.path): target \(file.target) is not in the table of layers")
                continue
            }
            for (number, line) in file.lines.enumerated() {
                guard let module = Self.importedModule(line) else { continue }
                #expect(
                    allowed.contains(module),
                    "\(file.path):\(number + 1): import \(module): \(Self.reason(module, in: file.target))")
            }
        }
    }

    @Test func transports_areTheOnlyFilesThatSeeTheirLibrary() {
        for file in Tree.sources where file.target == "Upstream" && !file.path.contains("/Transports/") {
            for line in file.lines {
                let module = Self.importedModule(line)
                #expect(
                    module != "CMosquitto" && module != "CCurl",
                    "\(file.path): only Upstream/Transports sees the C libraries")
            }
        }
    }

    /// `Metering` of `@testable import struct Metering.NMI`, nil when the line imports nothing.
    private static func importedModule(_ line: String) -> String? {
        var words = line.split(separator: " ").filter { !$0.hasPrefix("@") && $0 != "public" && $0 != "internal" }
        guard words.first == "import", words.count > 1 else { return nil }
        words.removeFirst()
        if ["struct", "class", "enum", "func", "var", "let", "protocol", "typealias"].contains(words[0]) {
            words.removeFirst()
        }
        return words.first.map { String($0.prefix { $0 != "." }) }
    }
}
