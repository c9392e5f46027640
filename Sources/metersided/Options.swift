import Glibc
import Metering

/// The daemon's command line.
struct Options: Equatable {
    enum Action: Equatable { case run, check, verify, version, help }

    var action = Action.run
    var configuration = "/etc/meterside/meterside.toml"
    var state = "/var/lib/meterside"
    var runtime = "/run/meterside"
    /// Holds `meters/` and `boards/`; nil to look for it.
    var share: String?
    var timeScale: Int64 = 1
    /// The instant the scaled time starts from, milliseconds since 1970; nil for the start of the process.
    var timeAnchor: Int64?
    /// The file in which the simulator says how fast time runs.
    var timePace: String?

    /// Whether time does not run as it does for everybody else.
    var changesTime: Bool { timeScale > 1 || timePace != nil }

    static let usage = """
        usage: metersided [--config FILE] [--state DIR] [--runtime DIR] [--share DIR] [--check | --verify | --version]
          --config FILE   configuration (default /etc/meterside/meterside.toml)
          --state DIR     where journal.db is kept (default /var/lib/meterside)
          --runtime DIR   where the control sockets are made (default /run/meterside)
          --share DIR     meter models and boards (default /usr/share/meterside, else hardware/ above the executable)
          --check         check the configuration and exit: 0 it is sound, 3 it is not
          --verify        check the journal without writing and exit: 0 it is sound, 5 it is not
          --time-scale N  run time N times faster, 1 to 3600; only with board = "simulated"
          --time-anchor MS  the instant scaled time starts from, so that several processes agree
          --time-pace FILE  run time as the simulator's FILE says; only with board = "simulated"

        """

    /// A command line that cannot be followed.
    struct Fault: Error, Equatable { var message: String }

    init() {}

    init(_ arguments: [String]) throws(Fault) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            let name = parts.first ?? ""
            func value() throws(Fault) -> String {
                if parts.count == 2 { return parts[1] }
                guard let next = rest.popFirst() else { throw Fault(message: "\(name) needs a value") }
                return next
            }
            switch name {
            case "--config": configuration = try value()
            case "--state": state = try value()
            case "--runtime": runtime = try value()
            case "--share": share = try value()
            case "--time-scale":
                guard let scale = Int64(try value()), (1...3600).contains(scale) else {
                    throw Fault(message: "--time-scale takes a whole number from 1 to 3600")
                }
                timeScale = scale
            case "--time-anchor":
                guard let anchor = Int64(try value()), anchor > 0 else {
                    throw Fault(message: "--time-anchor takes milliseconds since 1970")
                }
                timeAnchor = anchor
            case "--time-pace": timePace = try value()
            case "--check": action = .check
            case "--verify": action = .verify
            case "--version": action = .version
            case "--help", "-h": action = .help
            default: throw Fault(message: "\(argument) is not known; see metersided --help")
            }
        }
    }
}

/// Finds the folder of meter models and boards.
enum ShareFolder {
    static func find(_ option: String?) -> String? {
        if let option { return option }
        if isShare("/usr/share/meterside") { return "/usr/share/meterside" }
        var folder = executable().map(FilePath.folder) ?? "."
        for _ in 0..<8 {
            if isShare(folder + "/hardware") { return folder + "/hardware" }
            guard folder != "/", folder != "." else { break }
            folder = FilePath.folder(of: folder)
        }
        return nil
    }

    private static func isShare(_ folder: String) -> Bool { FilePath.isReadable(folder + "/meters") }

    private static func executable() -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
