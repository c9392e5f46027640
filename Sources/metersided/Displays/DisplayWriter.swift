import CLinux
import Glibc
import Synchronization

/// Writes pages to the displays of the units, on a thread of its own: a character display takes milliseconds for a
/// page and a terminal may take none at all, and the loop waits for neither. Only the newest page of each is kept.
final class DisplayWriter: Sendable {
    private struct Screen {
        var display: UnitDisplay
        var lines: [String] = []
        var isDirty = false
        /// Why the last page could not be written; empty when it was.
        var fault = ""
    }

    private struct State {
        var screens: [Screen] = []
        /// The newest page of each unit, for a display that is configured later.
        var pages: [String: [String]] = [:]
        var isRunning = false
        var isStopping = false

        /// Whether there is a first page to be written; the thread then is to be started.
        mutating func mustStart() -> Bool {
            guard !isRunning, screens.contains(where: \.isDirty) else { return false }
            isRunning = true
            return true
        }
    }

    /// Nanoseconds until a page that could not be written is tried again.
    private static let retry: Int64 = 30_000_000_000
    /// Longest wait for a terminal that takes no bytes, nanoseconds.
    private static let patience: Int64 = 1_000_000_000

    private let state = Mutex(State())
    private let wake = clinux_event_make()

    deinit { if wake >= 0 { close(wake) } }

    /// The displays from now on; one that stays keeps its page, a new one gets its unit's.
    func use(_ displays: [UnitDisplay]) {
        let mustStart = state.withLock { state -> Bool in
            let old = state.screens
            state.screens = displays.map { display in
                if let same = old.first(where: { $0.display == display }) { return same }
                let lines = state.pages[display.unit]
                return Screen(display: display, lines: lines ?? [], isDirty: lines != nil)
            }
            return state.mustStart()
        }
        begin(mustStart)
    }

    /// Shows the lines on the unit's display, if it has one.
    func show(_ lines: [String], unit: String) {
        let mustStart = state.withLock { state -> Bool in
            state.pages[unit] = lines
            for index in state.screens.indices where state.screens[index].display.unit == unit {
                state.screens[index].isDirty = state.screens[index].isDirty || state.screens[index].lines != lines
                state.screens[index].lines = lines
            }
            return state.mustStart()
        }
        begin(mustStart)
    }

    /// Displays whose page could not be written, with the reason.
    var faults: [(display: UnitDisplay, why: String)] {
        state.withLock { $0.screens.filter { !$0.fault.isEmpty }.map { ($0.display, $0.fault) } }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        clinux_event_signal(wake)
    }

    private func begin(_ mustStart: Bool) {
        guard mustStart else {
            clinux_event_signal(wake)
            return
        }
        let context = Unmanaged.passRetained(self)
        guard clinux_thread_start(128 * 1024, Self.body, context.toOpaque()) != 0 else { return }
        context.release()
        state.withLock { $0.isRunning = false }
    }

    private static let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
        if let context { Unmanaged<DisplayWriter>.fromOpaque(context).takeRetainedValue().run() }
        return nil
    }

    // MARK: The thread

    private func run() {
        clinux_thread_name("displays")
        while true {
            clinux_event_clear(wake)
            let (dirty, isStopping) = state.withLock { state in
                (state.screens.filter(\.isDirty), state.isStopping)
            }
            if isStopping { return }
            for screen in dirty {
                let fault = Self.write(screen.lines, to: screen.display.path)
                state.withLock { Self.note(fault, of: screen, in: &$0) }
            }
            let isFaulty = state.withLock { $0.screens.contains { !$0.fault.isEmpty } }
            _ = clinux_wait(wake, -1, isFaulty ? Self.retry : -1)
        }
    }

    private static func note(_ fault: String, of screen: Screen, in state: inout State) {
        guard let index = state.screens.firstIndex(where: { $0.display == screen.display }) else { return }
        state.screens[index].fault = fault
        // A page that came meanwhile still waits.
        if state.screens[index].lines == screen.lines { state.screens[index].isDirty = !fault.isEmpty }
    }

    /// Opens the display, writes the page, closes it: a device that was unplugged is found again by its name. Gives
    /// the reason when it cannot be done.
    private static func write(_ lines: [String], to path: String) -> String {
        // A file is made; a device never is.
        let mayCreate = path.hasPrefix("/dev/") ? 0 : O_CREAT
        let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | mayCreate, 0o644)
        guard descriptor >= 0 else { return reason(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return reason(path, errno) }
        let kind: DisplayText.Kind =
            status.st_mode & S_IFMT == S_IFREG ? .file : isatty(descriptor) == 1 ? .terminal : .characters
        if kind == .file, ftruncate(descriptor, 0) != 0 { return reason(path, errno) }
        let page = DisplayText.page(lines, on: kind)
        return put(kind == .characters ? DisplayText.opening + page : page, descriptor, path)
    }

    private static func put(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) -> String {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                guard clinux_wait_writable(-1, descriptor, patience) & CLINUX_READY != 0 else {
                    return "\(path) takes no more: is the terminal held (Ctrl-S)?"
                }
            } else {
                return reason(path, errno)
            }
        }
        return ""
    }

    private static func reason(_ path: String, _ error: Int32) -> String {
        switch error {
        case ENOENT, ENXIO, ENODEV: "\(path) is not there: look at the cable and the driver of the display"
        case EACCES, EPERM: "may not write to \(path): give the daemon's user the right to"
        default: "\(path): \(String(cString: strerror(error)))"
        }
    }
}
