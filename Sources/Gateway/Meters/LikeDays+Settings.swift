import Intervals
import Metering

extension LikeDays {
    /// The memory of a meter that gets like-day substitutes; nil for every other.
    public init?(_ meter: MeterSettings, minutes: Int) {
        guard meter.substitute == .likeDay || meter.substitute == .averageLikeDay else { return nil }
        self.init(
            meter: meter.serial, channels: MeterRow.rows(of: meter).kept.map(\.channel), minutes: minutes,
            utcOffsetMinutes: meter.utcOffsetMinutes)
    }
}
