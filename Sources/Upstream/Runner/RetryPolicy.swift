import Metering

/// What to do after an attempt, the same for every system.
enum RetryPolicy {
    /// Attempts of a job that somebody waits for.
    static let attendedAttempts = 4
    /// Microseconds after a refused key or a locked account: they are never hammered.
    static let afterRefusedKey: Int64 = 900_000_000
    /// The same where somebody asks again and again by hand.
    static let attendedRest: Int64 = 20_000_000
    /// The longest pause between attempts nobody waits for.
    static let longest: Int64 = 900_000_000

    /// Microseconds until the next attempt: doubling, the second half of it by chance.
    /// - Parameter chance: 0…999
    static func pause(after attempts: Int, attended: Bool, chance: Int64) -> Int64 {
        let first: Int64 = attended ? 1_000_000 : 5_000_000
        let full = min(first << Int64(min(max(attempts - 1, 0), 10)), attended ? 8_000_000 : longest)
        return full / 2 + full / 2 * chance / 1000
    }

    /// Microseconds until a question answered "not yet" is asked again: 5 s doubling to a minute where somebody waits,
    /// a minute doubling to an hour where nobody does.
    static func poll(after polls: Int, attended: Bool) -> Int64 {
        let (first, longest): (Int64, Int64) = attended ? (5_000_000, 60_000_000) : (60_000_000, 3_600_000_000)
        return min(first << Int64(min(max(polls - 1, 0), 10)), longest)
    }
}

/// Numbers that look random, from a seed: the runner is a value.
struct Chance: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// 0…999 (SplitMix64).
    mutating func next() -> Int64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int64((mixed ^ (mixed >> 31)) % 1000)
    }
}
