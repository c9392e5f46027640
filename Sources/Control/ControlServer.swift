import Glibc
import Metering

/// A request for the daemon to carry out, already checked against its method and the peer's role.
public struct ControlCall: Hashable, Sendable {
    /// Unique for the life of the server; the answer carries it.
    public var token: UInt64
    public var method: String
    public var parameters: ControlParameters
    /// `owner`, `installer` or `viewer`.
    public var role: Role
    /// The peer's user.
    public var uid: UInt32
}

/// What came out of a turn of the server.
public enum ControlEvent: Hashable, Sendable {
    case call(ControlCall)
    /// The client of this call is gone: stop what runs for it. An answer would be dropped.
    case cancelled(token: UInt64)
}

/// The daemon's two sockets. It never waits: the daemon's one poll loop watches `pollDescriptors`, gives them to
/// `ready` in every turn, and answers calls when it likes. For one thread only.
public final class ControlServer {
    /// Connections on one socket; the next one is told so and closed.
    public static let clientLimit = 16

    /// What a person should know about the sockets after start (missing groups); empty when all is well.
    public let notes: [String]

    private let directory: RuntimeDirectory
    private let listeners: [ListeningSocket]
    private let methods: [ControlMethod]
    private let ownUser = geteuid()
    private var clients: [ServerClient] = []
    private var nextToken: UInt64 = 1
    private var now = Uptime(microseconds: 0)
    private var isClosed = false

    /// Takes the runtime directory, replaces stale sockets, and listens.
    public convenience init(
        runtimeDirectory: String, methods: [ControlMethod] = ControlMethod.all
    ) throws(ControlError) {
        try self.init(runtimeDirectory: runtimeDirectory, methods: methods, groups: SocketGroups())
    }

    init(runtimeDirectory: String, methods: [ControlMethod], groups: SocketGroups) throws(ControlError) {
        directory = try RuntimeDirectory(runtimeDirectory)
        var opened: [ListeningSocket] = []
        do throws(ControlError) {
            for kind in ControlSocket.allCases {
                opened.append(try ListeningSocket(kind, directory: runtimeDirectory, groupName: groups[kind]))
            }
        } catch {
            for listener in opened { listener.close() }
            directory.unlock()
            throw error
        }
        listeners = opened
        notes = opened.compactMap(\.note)
        self.methods = methods
    }

    deinit { close() }

    /// Ends all connections and removes the sockets.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        for client in clients { Glibc.close(client.descriptor) }
        clients = []
        for listener in listeners { listener.close() }
        directory.unlock()
    }

    /// What the loop is to watch, made anew for every turn.
    public var pollDescriptors: [pollfd] {
        guard !isClosed else { return [] }
        return listeners.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            + clients.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
    }

    /// When `ready` wants to be called even if nothing happens on the descriptors; nil for never.
    public var nextWake: Uptime? {
        if clients.contains(where: { $0.hasWork || $0.isFinished }) { return now }
        return clients.compactMap(\.deadline).min()
    }

    /// Does what the polled descriptors allow; those of others are passed over, so the loop may give all it has.
    /// To be called in every turn, with an empty list too, because time ends connections.
    public func ready(_ polled: some Sequence<pollfd>, now: Uptime) -> [ControlEvent] {
        guard !isClosed else { return [] }
        self.now = now
        var events: [ControlEvent] = []
        var accepting: [ListeningSocket] = []
        for entry in polled where entry.revents != 0 {
            if let listener = listeners.first(where: { $0.descriptor == entry.fd }) {
                accepting.append(listener)
            } else if let index = clients.firstIndex(where: { $0.descriptor == entry.fd }) {
                serve(&clients[index], Int32(entry.revents))
            }
        }
        for index in clients.indices {
            takeLines(index, into: &events)
            clients[index].checkTime(now: now)
        }
        removeFinished(into: &events)
        // Last, so that a new connection never gets the number of one that was polled and is gone.
        for listener in accepting { accept(listener) }
        return events
    }

    /// Answers a call; nothing happens when its client is gone.
    public func answer(_ token: UInt64, _ result: JSONValue) {
        guard let index = clientIndex(of: token), let id = clients[index].finish(token) else { return }
        var line = RpcReply.result(id: id, result).line
        if line.count > LineBuffer.limit + 1 {
            line =
                RpcReply.problem(
                    id: id,
                    ControlProblem(
                        code: "too_large", message: "the answer is longer than 1 MiB",
                        hint: "ask for a shorter time or fewer records at once")
                ).line
        }
        clients[index].send(line, now: now)
    }

    /// Fails a call with a stable word, a message and what to do next.
    public func fail(_ token: UInt64, code: String, message: String, hint: String) {
        fail(token, ControlProblem(code: code, message: message, hint: hint))
    }

    /// Fails a call.
    public func fail(_ token: UInt64, _ problem: ControlProblem) {
        guard let index = clientIndex(of: token), let id = clients[index].finish(token) else { return }
        clients[index].send(RpcReply.problem(id: id, problem).line, now: now)
    }

    /// Sends progress of a call that is not answered yet.
    public func progress(_ token: UInt64, _ members: JSONObject) {
        guard let index = clientIndex(of: token), let id = clients[index].identifier(of: token) else { return }
        clients[index].send(RpcReply.progress(request: id, members).line, now: now)
    }

    private func clientIndex(of token: UInt64) -> Int? {
        clients.firstIndex { $0.identifier(of: token) != nil }
    }

    private func serve(_ client: inout ServerClient, _ happened: Int32) {
        if happened & (POLLHUP | POLLERR | POLLNVAL) != 0 {
            client.hangUp()
            return
        }
        if happened & POLLOUT != 0 { client.flush(now: now) }
        if happened & POLLIN != 0 { client.read(now: now) }
    }

    private func takeLines(_ index: Int, into events: inout [ControlEvent]) {
        while let line = clients[index].nextLine(now: now) {
            guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
            do throws(RpcRequest.Refusal) {
                if let call = try call(RpcRequest.read(line), for: &clients[index]) { events.append(.call(call)) }
            } catch {
                clients[index].send(RpcReply.problem(id: error.id, error.problem).line, now: now)
            }
        }
    }

    /// Checks a request; nil for a notification, which JSON-RPC forbids to answer and we have no use for.
    private func call(
        _ request: RpcRequest, for client: inout ServerClient
    ) throws(RpcRequest.Refusal) -> ControlCall? {
        guard let id = request.id else { return nil }
        func refuse(_ problem: ControlProblem) -> RpcRequest.Refusal { RpcRequest.Refusal(id: id, problem: problem) }
        guard !client.isRunning(id) else { throw refuse(.invalid("a request with this id still runs")) }
        guard let method = methods.first(where: { $0.name == request.method }) else {
            throw refuse(.unknownMethod(request.method))
        }
        guard ControlAuthority(client.role) >= method.authority else {
            throw refuse(Self.forbidden(method, on: client.socket))
        }
        let parameters: ControlParameters
        do throws(ControlProblem) {
            parameters = try method.check(request.parameters, from: client.role)
        } catch {
            throw refuse(error)
        }
        let token = nextToken
        nextToken += 1
        client.begin(ServerClient.Running(token: token, id: id))
        return ControlCall(
            token: token, method: method.name, parameters: parameters, role: client.role, uid: client.user)
    }

    private static func forbidden(_ method: ControlMethod, on socket: ControlSocket) -> ControlProblem {
        let message =
            switch socket {
            case .read: "\(method.name) is not offered on read.sock, which only reads"
            case .control: "\(method.name) is for root"
            }
        let group = ControlSocket.control.group
        let hint =
            method.authority == .owner
            ? "run the command with sudo"
            : "use control.sock: join the group \(group) (sudo usermod -aG \(group) $USER), then log in again"
        return ControlProblem(code: "permission", message: message, hint: hint)
    }

    private func removeFinished(into events: inout [ControlEvent]) {
        for client in clients where client.isFinished {
            for request in client.running { events.append(.cancelled(token: request.token)) }
            Glibc.close(client.descriptor)
        }
        clients.removeAll(where: \.isFinished)
    }

    private func accept(_ listener: ListeningSocket) {
        for _ in 0..<Self.clientLimit {
            let descriptor = Glibc.accept(listener.descriptor, nil, nil)
            guard descriptor >= 0 else { return }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            admit(descriptor, from: listener)
        }
    }

    private func admit(_ descriptor: Int32, from listener: ListeningSocket) {
        let group = ControlSocket.control.group
        guard let peer = PeerIdentity(descriptor),
            let role = listener.kind.role(of: peer, installers: listener.group, ownUser: ownUser)
        else {
            turnAway(
                descriptor,
                ControlProblem(
                    code: "permission", message: "control.sock is for root and the group \(group)",
                    hint: "join the group \(group): sudo usermod -aG \(group) $USER, then log in again"))
            return
        }
        guard clients.count(where: { $0.socket == listener.kind }) < Self.clientLimit else {
            turnAway(
                descriptor,
                ControlProblem(
                    code: "busy", message: "\(Self.clientLimit) clients are connected to \(listener.kind.fileName)",
                    hint: "close one of them, or try again"))
            return
        }
        clients.append(ServerClient(descriptor: descriptor, socket: listener.kind, role: role, user: peer.user))
    }

    private func turnAway(_ descriptor: Int32, _ problem: ControlProblem) {
        _ = SystemCall.write(descriptor, RpcReply.problem(id: .null, problem).line[...])
        Glibc.close(descriptor)
    }
}
