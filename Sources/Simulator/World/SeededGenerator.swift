/// Pseudo-random numbers that depend on the seed and on nothing else: SplitMix64 (Steele, Lea, Flood 2014), good enough
/// to choose faults, not for secrets.
public struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0 ..< bound`; 0 when the bound is not positive. The bias is below 2⁻³² for bounds under 2³².
    public mutating func below(_ bound: Int64) -> Int64 {
        guard bound > 0 else { return 0 }
        return Int64(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True in `count` of a million cases.
    public mutating func happens(perMillion count: Int) -> Bool { below(1_000_000) < Int64(count) }
}
