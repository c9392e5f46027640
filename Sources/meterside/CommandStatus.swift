/// How the process ends (contract §7). Thrown by a verb that has already said everything.
enum CommandStatus: Int32, Error, CaseIterable {
    case done = 0
    /// Our bug.
    case bug = 1
    case usage = 2
    case configuration = 3
    /// No reply from meter or daemon.
    case noReply = 4
    /// Refused, or a check found faults.
    case refused = 5
    case upstream = 6

    /// The status that goes with an error's stable word.
    init(code: String) {
        switch code {
        case "no_reply", "timeout", "port_down", "daemon_absent", "daemon_lost": self = .noReply
        case "config", "unconfigured": self = .configuration
        case "usage", "unknown_meter", "unknown_port", "unknown_unit", "unknown_command": self = .usage
        case "upstream", "upstream_failed", "upstream_refused", "upstream_unauthorised", "upstream_forbidden",
            "upstream_unknown":
            self = .upstream
        case "internal", "protocol": self = .bug
        default: self = .refused
        }
    }
}
