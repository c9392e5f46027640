/// Why the socket cannot be served or used.
public enum ControlError: Error, Equatable, CustomStringConvertible {
    /// Another daemon serves this runtime directory.
    case alreadyRunning(String)
    /// The path of a socket does not fit the 107 bytes of the system.
    case pathTooLong(String)
    /// A system call failed; the text says what was being done to what.
    case system(String, errno: Int32)
    /// No socket there, or nobody listens on it.
    case notRunning(String)
    /// The socket is there, but this user may not open it.
    case permission(path: String, group: String)
    /// The daemon closed the connection in the middle.
    case disconnected
    /// No answer and no progress for so many seconds.
    case timeout(method: String, seconds: Int)
    /// The other side does not speak our protocol.
    case protocolBroken(String)
    /// The request is longer than a line may be.
    case requestTooLong
    /// The caller's `isInterrupted` said so.
    case interrupted
    /// The daemon refused or failed the request.
    case refused(ControlProblem)

    /// The stable word that goes with the error.
    public var code: String {
        switch self {
        case .alreadyRunning: "busy"
        case .pathTooLong, .requestTooLong: "usage"
        case .system: "system"
        case .notRunning: "daemon_absent"
        case .permission: "permission"
        case .disconnected: "daemon_lost"
        case .timeout: "timeout"
        case .protocolBroken: "protocol"
        case .interrupted: "interrupted"
        case .refused(let problem): problem.code
        }
    }

    /// What happened.
    public var message: String {
        switch self {
        case .alreadyRunning(let path): "another metersided serves \(path)"
        case .pathTooLong(let path): "the socket path \(path) is longer than 107 bytes"
        case .system(let what, let number): "\(what): \(SystemCall.text(number))"
        case .notRunning(let path): "metersided does not answer at \(path)"
        case .permission(let path, _): "you may not open \(path)"
        case .disconnected: "metersided closed the connection before it answered"
        case .timeout(let method, let seconds): "no answer to \(method) for \(seconds) s"
        case .protocolBroken(let text): "the other side does not speak Meterside's protocol: \(text)"
        case .requestTooLong: "the request is longer than 1 MiB"
        case .interrupted: "stopped"
        case .refused(let problem): problem.message
        }
    }

    /// What to do next; may be empty.
    public var hint: String {
        switch self {
        case .alreadyRunning: "stop it first (systemctl stop metersided), or choose another --runtime directory"
        case .pathTooLong: "choose a shorter --runtime directory or --socket path"
        case .system, .interrupted: ""
        case .notRunning:
            "is it running? `systemctl status metersided`; another place: --socket PATH or METERSIDE_SOCKET"
        case .permission(_, let group):
            "join the group \(group): sudo usermod -aG \(group) $USER, then log in again; or use sudo"
        case .disconnected: "look at its log: journalctl -u metersided -n 50"
        case .timeout: "try again; `meterside doctor` says what is wrong"
        case .protocolBroken: "is --socket the path of metersided's control.sock or read.sock?"
        case .requestTooLong: "ask for less at once"
        case .refused(let problem): problem.hint
        }
    }

    public var description: String { hint.isEmpty ? message : "\(message) (\(hint))" }
}
