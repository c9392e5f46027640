import Metering

/// `time_attest`: a signer says what time it is, so that a box without network time may trust its clock. It never
/// sets the clock: where the two disagree the box says so.
public struct TimeAttest: Hashable, Sendable {
    /// The time the signer attests.
    public var time: WallTime

    public static let spec = CommandSpec(
        name: "time_attest", summary: "Vouches for the box's clock when it agrees within 120 s.", kind: .other,
        roles: [.owner, .ops],
        arguments: [
            ArgumentSpec("time", .integer(0...4_102_444_800), "the time now, seconds since 1970-01-01 UTC")
        ], ignoresClock: true)

    /// Reads arguments that `spec.check` accepted.
    public init?(_ args: JSONObject) {
        guard let seconds = args["time"]?.integer else { return nil }
        time = WallTime(seconds: seconds)
    }
}
