import Metering

/// Dates and times of the command line, in the meter's own standard time (reference/edmi.md §4.1).
public enum EdmiTime {
    /// 1996-01-01T00:00:00 in seconds since 1970: where the meter's own counting starts, and its "never".
    public static let epoch: Int64 = 820_454_400

    /// The start of 1996 as `d m y h m s`.
    static let never: [UInt8] = [1, 1, 96, 0, 0, 0]

    /// `d m y h m s`; nil for a year outside 1996…2049 or an impossible time.
    public static func bytes(_ time: CivilTime) -> [UInt8]? {
        guard time.isValid, (1996...2049).contains(time.year) else { return nil }
        return [time.day, time.month, time.year % 100, time.hour, time.minute, time.second].map {
            UInt8(truncatingIfNeeded: $0)
        }
    }

    /// Reads `d m y h m s`. Nil for "never" (the start of 1996), FF's, and an impossible time.
    public static func time(_ bytes: ArraySlice<UInt8>) -> CivilTime? {
        guard bytes.count == 6 else { return nil }
        let field = bytes.map { Int($0) }
        let time = CivilTime(
            year: year(field[2]), month: field[1], day: field[0], hour: field[3], minute: field[4], second: field[5])
        return time.isValid && time.seconds != epoch ? time : nil
    }

    /// Reads `d m y`; nil as for `time`.
    public static func date(_ bytes: ArraySlice<UInt8>) -> CivilTime? {
        guard bytes.count == 3 else { return nil }
        return time(bytes + [0, 0, 0])
    }

    /// Seconds since midnight from `h m s`; nil for an impossible time of day.
    public static func secondsOfDay(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count == 3 else { return nil }
        let field = bytes.map { Int64($0) }
        guard field[0] < 24, field[1] < 60, field[2] < 60 else { return nil }
        return field[0] * 3600 + field[1] * 60 + field[2]
    }

    /// The civil time `seconds` after the start of 1996; nil for 0, "never".
    public static func time(secondsSince1996 seconds: UInt32) -> CivilTime? {
        seconds == 0 ? nil : CivilTime(seconds: epoch + Int64(seconds))
    }

    /// Seconds after the start of 1996; nil before it or after 2132.
    public static func secondsSince1996(_ time: CivilTime) -> UInt32? {
        time.isValid ? UInt32(exactly: time.seconds - epoch) : nil
    }

    private static func year(_ value: Int) -> Int { value < 50 ? 2000 + value : 1900 + value }
}
