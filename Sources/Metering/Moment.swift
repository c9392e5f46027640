/// Civil time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted. It can jump.
public struct WallTime: Hashable, Comparable, Codable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public init(seconds: Int64) { self.milliseconds = seconds * 1000 }

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 { milliseconds.flooredQuotient(by: 1000) }

    public static func < (left: WallTime, right: WallTime) -> Bool { left.milliseconds < right.milliseconds }
    public static func + (time: WallTime, milliseconds: Int64) -> WallTime {
        WallTime(milliseconds: time.milliseconds + milliseconds)
    }
    /// Milliseconds from `right` to `left`.
    public static func - (left: WallTime, right: WallTime) -> Int64 { left.milliseconds - right.milliseconds }
}

/// Time since boot in microseconds. It never jumps; every timeout is computed from it.
public struct Uptime: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }
    public init(seconds: Int64) { self.microseconds = seconds * 1_000_000 }

    public static func < (left: Uptime, right: Uptime) -> Bool { left.microseconds < right.microseconds }
    public static func + (time: Uptime, microseconds: Int64) -> Uptime {
        Uptime(microseconds: time.microseconds + microseconds)
    }
    /// Microseconds from `right` to `left`.
    public static func - (left: Uptime, right: Uptime) -> Int64 { left.microseconds - right.microseconds }
}

/// An instant told by both clocks, read together.
public struct Moment: Hashable, Sendable {
    public var wall: WallTime
    public var uptime: Uptime
    /// Whether the kernel says the wall clock is disciplined (`adjtimex` without `STA_UNSYNC`).
    public var kernelSynchronised: Bool

    public init(wall: WallTime, uptime: Uptime, kernelSynchronised: Bool) {
        self.wall = wall
        self.uptime = uptime
        self.kernelSynchronised = kernelSynchronised
    }
}

extension Int64 {
    /// Division rounding towards minus infinity; `divisor` must be positive.
    public func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The remainder that belongs to `flooredQuotient(by:)`: always `0 ..< divisor`.
    public func flooredRemainder(by divisor: Int64) -> Int64 { self - flooredQuotient(by: divisor) * divisor }
}
