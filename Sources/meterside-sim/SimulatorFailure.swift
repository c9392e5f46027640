import Glibc

/// Why the simulator stopped, in words that say what to do next.
enum SimulatorFailure: Error {
    /// An option that cannot be followed.
    case usage(String)
    /// A file that cannot be understood.
    case file(String)
    /// Something of this machine that is missing or refused.
    case missing(String)
    /// The demonstration ended without having shown its work.
    case unseen(String)

    var message: String {
        switch self {
        case .usage(let text), .file(let text), .missing(let text), .unseen(let text): text
        }
    }

    var status: Int32 {
        switch self {
        case .usage: 2
        case .file: 3
        case .missing: 4
        case .unseen: 5
        }
    }

    /// What the system said to a call that failed with `number`.
    static func system(_ what: String, _ number: Int32) -> SimulatorFailure {
        .missing("\(what): \(String(cString: strerror(number)))")
    }
}
