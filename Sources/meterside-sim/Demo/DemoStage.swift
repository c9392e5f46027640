import Control
import Glibc
import Metering
import Simulator

/// Everything that runs for the demonstration: board, broker, daemon and cloud, in one temporary folder.
final class DemoStage {
    let folder: String
    let board: Board
    let files: StarterFiles
    let receiver: CloudReceiver
    let shopSecret: [UInt8]
    private let children: [ChildProcess]
    private var client: ControlClient?
    private let keepsFolder: Bool

    static let box = "DEMO0001"
    /// The cloud's receipts come this often, so that a person sees the outbox fill and drain; microseconds.
    static let receiptPause: Int64 = 3_000_000
    /// The shop's key, which signs payments.
    static let shopName = "shop"

    /// What is different for the story of prepaid supply.
    struct Story {
        /// When it begins, and how fast time runs then.
        var start: WallTime
        var speed: Int64
    }

    /// Starts everything, or cleans up what it started and says why not.
    static func start(
        speed: Int64, seed: UInt64, share: String?, keep: Bool, timeout: Int? = nil, story: Story? = nil
    ) throws(SimulatorFailure) -> DemoStage {
        let programs = try Programs.find()
        let folder = try Folder.makeTemporary()
        var started: [ChildProcess] = []
        var board: Board?
        do throws(SimulatorFailure) {
            var clock = BoardClock(scale: speed, anchor: nil)
            if let story {
                clock.pace = try TimePace(path: folder + "/pace", start: story.start, speed: story.speed)
            }
            let made = try Board(
                plan: .standard(seed: seed), clock: clock,
                options: Board.Options(folder: folder + "/board", share: try ModelShelf.findShare(share)))
            board = made
            let port = try Loopback.freePort()
            started.append(try broker(programs.mosquitto, port: port, folder: folder))
            var starter = StarterConfiguration(box: box, mqtt: "mqtt://127.0.0.1:\(port)")
            starter.skipsTurnaround = speed > 1
            starter.timeout = timeout
            if story != nil {
                starter.skipsTurnaround = true
                starter.pollSeconds = 60
                starter.remoteDelay = 240
            }
            let files = try StarterFiles(folder: folder, starter: starter, board: made)
            let receiver = try CloudReceiver(
                url: "mqtt://127.0.0.1:\(port)", box: box, file: folder + "/cloud.jsonl", sendsReceipts: true)
            receiver.receiptPause = story == nil ? receiptPause : 200_000
            let shop = try StarterFiles.makeKey(in: files.folder, name: shopName, role: "billing")
            started.append(try daemon(programs.metersided, files, clock, share: share))
            return DemoStage(folder, made, files, receiver, started, shop, keep)
        } catch {
            for child in started.reversed() { child.stop(within: 2000) }
            board?.stop()
            Folder.remove(folder)
            throw error
        }
    }

    private init(
        _ folder: String, _ board: Board, _ files: StarterFiles, _ receiver: CloudReceiver, _ children: [ChildProcess],
        _ shopSecret: [UInt8], _ keepsFolder: Bool
    ) {
        self.shopSecret = shopSecret
        self.folder = folder
        self.board = board
        self.files = files
        self.receiver = receiver
        self.children = children
        self.keepsFolder = keepsFolder
    }

    var clock: BoardClock { board.clock }

    /// Ends everything in order: first the daemon, so that its last words still reach the broker.
    func stop() {
        client = nil
        for child in children.reversed() { child.stop(within: 6000) }
        receiver.close()
        board.stop()
        if !keepsFolder { Folder.remove(folder) }
    }

    /// Asks the daemon; nil while it does not answer.
    func ask(_ method: String) -> JSONValue? {
        do throws(ControlError) {
            return try connection().call(method, silence: 2)
        } catch {
            client = nil
            return nil
        }
    }

    private func connection() throws(ControlError) -> ControlClient {
        if let client { return client }
        let fresh = try ControlClient(ControlAddress(path: files.socket), readsOnly: true, clock: BoardClock.uptime)
        client = fresh
        return fresh
    }

    /// Fails when a program has ended that should run, with the last it said.
    func check() throws(SimulatorFailure) {
        for child in children {
            guard let why = child.ended() else { continue }
            let lines = child.lastLines(12).map { "  \($0)" }.joined(separator: "\n")
            throw .unseen("\(child.name) is gone: \(why). The last it wrote:\n\(lines.isEmpty ? "  (nothing)" : lines)")
        }
    }

    private static func broker(_ executable: String, port: UInt16, folder: String) throws(SimulatorFailure)
        -> ChildProcess
    {
        let path = folder + "/mosquitto.conf"
        var text = "listener \(port) 127.0.0.1\nallow_anonymous true\npersistence false\n"
        // Started by root, mosquitto becomes the user "mosquitto" unless it is told to stay.
        if getuid() == 0 { text += "user root\n" }
        try Folder.write(text, to: path)
        return try ChildProcess(
            name: "the broker (mosquitto)", executable: executable, arguments: ["-c", path],
            log: folder + "/mosquitto.log")
    }

    private static func daemon(
        _ executable: String, _ files: StarterFiles, _ clock: BoardClock, share: String?
    ) throws(SimulatorFailure) -> ChildProcess {
        var arguments = ["--config", files.configuration, "--state", files.state, "--runtime", files.runtime]
        if let share { arguments += ["--share", Folder.absolute(share)] }
        if let pace = clock.pace {
            arguments += ["--time-pace", pace.path]
        } else if clock.scale > 1 {
            arguments += ["--time-scale", "\(clock.scale)", "--time-anchor", "\(clock.anchor)"]
        }
        return try ChildProcess(
            name: "the daemon (metersided)", executable: executable, arguments: arguments,
            log: files.folder + "/metersided.log")
    }
}

/// The programs the demonstration needs.
struct Programs {
    var metersided: String
    var mosquitto: String

    static func find() throws(SimulatorFailure) -> Programs {
        let metersided = (Folder.ofExecutable() ?? ".") + "/metersided"
        guard Folder.isExecutable(metersided) else {
            throw .missing("\(metersided) is missing; build everything with: swift build")
        }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
        guard let mosquitto = folders.map({ $0 + "/mosquitto" }).first(where: Folder.isExecutable) else {
            throw .missing("the broker mosquitto is missing; install it with: packaging/setup")
        }
        return Programs(metersided: metersided, mosquitto: mosquitto)
    }
}
