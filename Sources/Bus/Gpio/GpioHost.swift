import CGPIO
import Glibc

/// What a line is requested for.
enum GpioRole {
    case input
    /// An output that starts with the level it has now: nothing moves.
    case outputAsIs
    /// An output that starts inactive: a coil of a latching relay, which then rests.
    case outputAtRest
}

/// Why a GPIO line cannot be used.
enum GpioFault: Error, Hashable {
    case noLine
    /// An error number of the system.
    case system(Int32)
}

/// Where GPIO lines come from.
protocol GpioHost: Sendable {
    func request(_ line: GpioLine, of chip: String, as role: GpioRole) throws(GpioFault) -> any GpioPin
}

/// A requested line; it is released with its last reference.
protocol GpioPin: AnyObject {
    /// Whether the line is active.
    func read() throws(GpioFault) -> Bool
    func write(_ isActive: Bool) throws(GpioFault)
}

/// The GPIO chips of the machine, by libgpiod.
struct SystemGpio: GpioHost {
    func request(_ line: GpioLine, of chip: String, as role: GpioRole) throws(GpioFault) -> any GpioPin {
        let use =
            switch role {
            case .input: CGPIO_INPUT
            case .outputAsIs: CGPIO_OUTPUT_KEEP
            case .outputAtRest: CGPIO_OUTPUT_INACTIVE
            }
        var opened: UnsafeMutablePointer<cgpio_line>?
        try Self.check(cgpio_open(chip, line.name, use, line.isActiveLow, line.pullsUp, &opened))
        guard let opened else { throw .system(ENOMEM) }
        return Pin(line: opened)
    }

    private final class Pin: GpioPin {
        private let line: UnsafeMutablePointer<cgpio_line>

        init(line: UnsafeMutablePointer<cgpio_line>) { self.line = line }

        deinit { cgpio_close(line) }

        func read() throws(GpioFault) -> Bool { try SystemGpio.check(cgpio_get(line)) != 0 }
        func write(_ isActive: Bool) throws(GpioFault) { try SystemGpio.check(cgpio_set(line, isActive ? 1 : 0)) }
    }

    @discardableResult
    private static func check(_ result: Int32) throws(GpioFault) -> Int32 {
        guard result < 0 else { return result }
        throw result == CGPIO_NO_LINE ? .noLine : .system(-result)
    }
}
