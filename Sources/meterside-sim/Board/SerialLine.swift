import CLinux
import Drivers
import Glibc
import Metering
import Synchronization

/// One serial port of the board: a pseudo-terminal with a stable link to it, and a thread that answers on it.
final class SerialLine: Sendable {
    private struct State {
        /// −1 while the plug is out.
        var master: Int32
        var device: String
        var isPlugged = true
        var isStopping = false
        var isOver = false
    }

    /// The stable path that people configure.
    let link: String
    let counters: WireCounters
    private let line: LineSettings
    private let wake: Int32
    private let state: Mutex<State>
    private let service: Mutex<WireService?>

    /// Opens the pseudo-terminal; the line is served from `start` on.
    init(link: String, line: LineSettings, counters: WireCounters = WireCounters()) throws(SimulatorFailure) {
        self.counters = counters
        self.link = link
        self.line = line
        wake = clinux_event_make()
        guard wake >= 0 else { throw .system("cannot make an event", -wake) }
        let (master, device) = try Self.open(line)
        state = Mutex(State(master: master, device: device))
        service = Mutex(nil)
        try Self.point(link, to: device)
    }

    /// The pseudo-terminal itself, such as `/dev/pts/3`; it changes when the plug is pulled and put back.
    var device: String { state.withLock { $0.device } }

    /// Begins to answer.
    func start(_ service: WireService) throws(SimulatorFailure) {
        var service = service
        service.otherBaud = { [line] descriptor in Self.otherBaud(descriptor, than: line) }
        self.service.withLock { $0 = service }
        try DetachedThread.start { self.run() }
    }

    /// Pulls the plug, or puts it back.
    func setPlugged(_ isPlugged: Bool) {
        state.withLock { $0.isPlugged = isPlugged }
        _ = clinux_event_signal(wake)
    }

    /// Ends the thread and takes the link away.
    func stop() {
        state.withLock { $0.isStopping = true }
        _ = clinux_event_signal(wake)
        for _ in 0..<200 where !state.withLock({ $0.isOver }) { _ = clinux_wait(-1, -1, 5_000_000) }
        unlink(link)
    }

    private func run() {
        _ = clinux_thread_name("line")
        // The kernel may not let timers of the pace fire late to save power.
        _ = clinux_timer_slack(1)
        guard var service = service.withLock({ $0 }) else { return }
        while !state.withLock({ $0.isStopping }) {
            let master = followPlug()
            guard master >= 0 else {
                _ = clinux_wait(wake, -1, -1)
                _ = clinux_event_clear(wake)
                continue
            }
            switch service.serve(master, wake: wake) {
            case .woken: _ = clinux_event_clear(wake)
            case .closed: waitForOpener(master)
            }
        }
        state.withLock {
            if $0.master >= 0 { close($0.master) }
            $0.isOver = true
        }
    }

    /// Opens or closes the pseudo-terminal as the plug says; the master, or −1.
    private func followPlug() -> Int32 {
        state.withLock { state in
            if !state.isPlugged, state.master >= 0 {
                close(state.master)
                state.master = -1
                unlink(link)
            } else if state.isPlugged, state.master < 0 {
                renew(&state)
            }
            return state.master
        }
    }

    private func renew(_ state: inout State) {
        do throws(SimulatorFailure) {
            let (master, device) = try Self.open(line)
            try Self.point(link, to: device)
            if state.master >= 0 { close(state.master) }
            state.master = master
            state.device = device
        } catch {
            Console.error("meterside-sim: \(error.message)")
            state.isPlugged = false
        }
    }

    /// Nobody has the port open: looks for the next one fifty times a second.
    private func waitForOpener(_ master: Int32) {
        if isLocked(master) { state.withLock { renew(&$0) } }
        _ = clinux_wait(wake, -1, 20_000_000)
    }

    /// A program that took the port for itself alone (TIOCEXCL) leaves it locked for everyone but root, as long as the
    /// master stays: then only a new pseudo-terminal helps.
    private func isLocked(_ master: Int32) -> Bool {
        let descriptor = Glibc.open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor < 0 else {
            close(descriptor)
            return false
        }
        return errno == EBUSY && clinux_wait(-1, master, 0) & CLINUX_HANGUP != 0
    }

    private static func open(_ line: LineSettings) throws(SimulatorFailure) -> (master: Int32, device: String) {
        var path = [CChar](repeating: 0, count: 128)
        let master = clinux_pty_open(&path, path.count)
        guard master >= 0 else { throw .system("cannot open a pseudo-terminal", -master) }
        _ = fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK)
        _ = clinux_serial_set(master, UInt32(line.baud), 8, 78, 1)
        return (master, String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// Makes `link` a symbolic link to `device`, replacing only a link.
    private static func point(_ link: String, to device: String) throws(SimulatorFailure) {
        var status = stat()
        if lstat(link, &status) == 0, status.st_mode & S_IFMT != S_IFLNK {
            throw .usage("\(link) is in the way: it is no link of an earlier board; take another --folder")
        }
        let fresh = link + ".new"
        unlink(fresh)
        guard symlink(device, fresh) == 0, rename(fresh, link) == 0 else {
            throw .system("cannot make the link \(link)", errno)
        }
    }

    /// The baud rate the other end has set, when it is not the meters'.
    private static func otherBaud(_ descriptor: Int32, than line: LineSettings) -> UInt32? {
        var baud: UInt32 = 0
        var dataBits: Int32 = 0
        var stopBits: Int32 = 0
        var parity: CChar = 0
        guard clinux_serial_get(descriptor, &baud, &dataBits, &parity, &stopBits) == 0 else { return nil }
        return baud == UInt32(line.baud) ? nil : baud
    }
}
