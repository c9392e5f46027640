import Metering

/// What a meter measured at the same time on the same weekday in the four weeks before: what a like-day substitute is
/// made from. A quarter of a megabyte for four channels of 5-minute intervals, so only kept where it is asked for.
public struct LikeDays: Hashable, Sendable {
    /// Weeks looked back.
    public static let weeks = 4
    private static let day: Int64 = 86_400_000
    private static let unknown = Int64.min

    public let meter: MeterSerial
    private let channels: [Channel]
    private let minutes: Int
    /// The meter's own standard time, milliseconds east of UTC: what a day is.
    private let offset: Int64
    private let slots: Int
    /// Amounts by day of the four weeks, slot and channel.
    private var amounts: [Int64] = []
    /// Which day stands at each of the 28 places.
    private var days: [Int64]

    /// `minutes` is 5, 15 or 30.
    public init(meter: MeterSerial, channels: [Channel], minutes: Int, utcOffsetMinutes: Int) {
        self.meter = meter
        self.channels = channels
        self.minutes = minutes
        offset = Int64(utcOffsetMinutes) * 60_000
        slots = 1440 / max(1, minutes)
        days = Array(repeating: Self.unknown, count: 7 * Self.weeks)
    }

    /// Takes what was measured; what was not is left out.
    public mutating func note(_ interval: Interval) {
        guard interval.meter == meter, interval.minutes == minutes,
            interval.values.contains(where: { $0.quality == .actual })
        else { return }
        let (day, slot) = place(interval.end)
        let index = Int(day.flooredRemainder(by: Int64(days.count)))
        // A newer day takes the place; older than what stands there is four weeks too late.
        guard days[index] <= day else { return }
        if amounts.isEmpty {
            amounts = Array(repeating: Self.unknown, count: days.count * slots * channels.count)
        }
        if days[index] < day {
            days[index] = day
            let first = index * slots * channels.count
            for place in first..<(first + slots * channels.count) { amounts[place] = Self.unknown }
        }
        for (place, channel) in channels.enumerated() {
            let value = interval.values.first { $0.channel == channel }
            guard let value, value.quality == .actual, let amount = value.value else { continue }
            amounts[(index * slots + slot) * channels.count + place] = amount
        }
    }

    /// Amounts at the same time on the same weekday, the newest first, at most four.
    public func amounts(_ channel: Channel, end: WallTime) -> [Int64] {
        guard let place = channels.firstIndex(of: channel), !amounts.isEmpty else { return [] }
        let (day, slot) = self.place(end)
        return (1...Int64(Self.weeks)).compactMap { week in
            let like = day - 7 * week
            let index = Int(like.flooredRemainder(by: Int64(days.count)))
            guard days[index] == like else { return nil }
            let amount = amounts[(index * slots + slot) * channels.count + place]
            return amount == Self.unknown ? nil : amount
        }
    }

    private func place(_ end: WallTime) -> (day: Int64, slot: Int) {
        let start = end.milliseconds + offset - Int64(minutes) * 60_000
        let slot = start.flooredRemainder(by: Self.day) / (Int64(minutes) * 60_000)
        return (start.flooredQuotient(by: Self.day), min(Int(slot), slots - 1))
    }
}
