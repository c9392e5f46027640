import Glibc
import Metering

/// The two sockets of the daemon.
public enum ControlSocket: String, Sendable, CaseIterable {
    /// Everything, as far as the peer's credentials allow.
    case control
    /// Reading methods only.
    case read

    /// The file in the runtime directory.
    public var fileName: String { rawValue + ".sock" }

    /// The group whose members may open it.
    public var group: String {
        switch self {
        case .control: "meterside"
        case .read: "meterside-read"
        }
    }

    /// The role of a peer, nil when it has none here. The daemon's own user counts as owner when that is not root, so
    /// that a developer can run both ends without privileges; uid 0 always does.
    func role(of peer: PeerIdentity, installers: gid_t?, ownUser: uid_t) -> Role? {
        switch self {
        case .read: return .viewer
        case .control:
            if peer.user == 0 || peer.user == ownUser { return .owner }
            if let installers, peer.groups.contains(installers) { return .installer }
            return nil
        }
    }
}

/// The group names of the sockets; tests use others.
struct SocketGroups {
    var control = ControlSocket.control.group
    var read = ControlSocket.read.group

    subscript(socket: ControlSocket) -> String {
        switch socket {
        case .control: control
        case .read: read
        }
    }
}

/// A listening socket with its mode and group, put in place in one step.
struct ListeningSocket {
    let kind: ControlSocket
    let path: String
    let descriptor: Int32
    /// Who counts as an installer; nil when the group does not exist.
    let group: gid_t?
    /// What could not be done and what to do about it; nil when all is well.
    let note: String?

    /// Replaces whatever is at the path. It is bound beside it, given mode 0660 and its group before it listens, and
    /// then renamed, so that nobody ever meets a socket with other rights.
    init(_ kind: ControlSocket, directory: String, groupName: String) throws(ControlError) {
        let path = "\(directory)/\(kind.fileName)"
        let temporary = path + ".new"
        let descriptor = try SystemCall.socket()
        var keep = false
        defer { if !keep { Glibc.close(descriptor) } }
        unlink(temporary)
        let bound = try SystemCall.withAddress(temporary) { address, length in
            bind(descriptor, address, length) == 0 ? 0 : errno
        }
        guard bound == 0 else { throw .system("cannot make the socket \(path)", errno: bound) }
        guard chmod(temporary, 0o660) == 0 else { throw .system("cannot set the mode of \(path)", errno: errno) }
        let group = SystemCall.groupNumber(groupName)
        note = Self.give(temporary, to: group, named: groupName, socket: path)
        guard listen(descriptor, 16) == 0, rename(temporary, path) == 0 else {
            throw .system("cannot listen on \(path)", errno: errno)
        }
        keep = true
        self.kind = kind
        self.path = path
        self.descriptor = descriptor
        self.group = group
    }

    private static func give(_ file: String, to group: gid_t?, named name: String, socket: String) -> String? {
        guard let group else {
            return "the group \(name) does not exist, so only the daemon's own user and root can open \(socket); "
                + "make it with: groupadd --system \(name)"
        }
        guard chown(file, uid_t.max, group) == 0 else {
            let reason = SystemCall.text(errno)
            return "\(socket) cannot be given to the group \(name) (\(reason)), so only the daemon's own user and "
                + "root can open it; run the daemon as root or as a member of \(name)"
        }
        return nil
    }

    /// Stops listening and removes the file.
    func close() {
        Glibc.close(descriptor)
        unlink(path)
    }
}

/// Keeps a second daemon away from the runtime directory.
struct RuntimeDirectory {
    let path: String
    private let lock: Int32

    /// Makes the directory (0755) when it is missing, and takes its lock. A daemon that still answers wins.
    init(_ path: String) throws(ControlError) {
        if mkdir(path, 0o755) != 0, errno != EEXIST {
            throw .system("cannot make the runtime directory \(path)", errno: errno)
        }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open the runtime directory \(path)", errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw number == EWOULDBLOCK
                ? .alreadyRunning(path) : .system("cannot lock the runtime directory \(path)", errno: number)
        }
        self.path = path
        lock = descriptor
        do throws(ControlError) {
            try refuseIfAnswered()
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// The lock is enough among daemons of this version; anything else that listens there is left alone too.
    private func refuseIfAnswered() throws(ControlError) {
        for socket in ControlSocket.allCases {
            let probe = try SystemCall.socket()
            defer { Glibc.close(probe) }
            let failure = try SystemCall.connect(probe, "\(path)/\(socket.fileName)")
            if failure == 0 || failure == EAGAIN { throw .alreadyRunning(path) }
        }
    }

    func unlock() { Glibc.close(lock) }
}
