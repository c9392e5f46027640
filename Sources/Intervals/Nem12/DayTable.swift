import Metering

/// Which days of which streams have been seen: an open hash table of 64-day bit maps in bounded memory.
///
/// A year of one stream takes seven entries of 24 bytes. The greatest table has 2^17 slots (3 MiB), enough for
/// fifty thousand streams of a month.
struct DayTable {
    private struct Slot {
        var key: UInt64
        /// Days / 64, plus one so that 0 means an empty slot.
        var block: Int64
        var days: UInt64
    }

    /// What `insert` found.
    enum Outcome {
        case new, seen, full
    }

    private static let greatest = 1 << 17
    private var slots = [Slot](repeating: Slot(key: 0, block: 0, days: 0), count: 256)
    private var used = 0

    /// Notes that the stream `key` has the day `day` (days since 1970).
    mutating func insert(key: UInt64, day: Int) -> Outcome {
        let block = Int64(day).flooredQuotient(by: 64)
        let bit = UInt64(1) << UInt64(Int64(day).flooredRemainder(by: 64))
        // Shifted so that no date of the format (years 0…9999) gives 0.
        let mark = block + 16_384
        let index = place(key: key, block: mark)
        if slots[index].block == 0 {
            guard (used + 1) * 4 <= slots.count * 3 || slots.count < Self.greatest else { return .full }
            slots[index] = Slot(key: key, block: mark, days: bit)
            used += 1
            if used * 4 > slots.count * 3 { grow() }
            return .new
        }
        if slots[index].days & bit != 0 { return .seen }
        slots[index].days |= bit
        return .new
    }

    private func place(key: UInt64, block: Int64) -> Int {
        let mask = slots.count - 1
        // Fibonacci hashing; the high bits are the mixed ones.
        let mixed = (key ^ UInt64(truncatingIfNeeded: block) &* 0xD6E8_FEB8_6659_FD93) &* 0x9E37_79B9_7F4A_7C15
        var index = Int(truncatingIfNeeded: mixed >> 40) & mask
        while slots[index].block != 0, slots[index].key != key || slots[index].block != block {
            index = (index + 1) & mask
        }
        return index
    }

    private mutating func grow() {
        guard slots.count < Self.greatest else { return }
        let old = slots
        slots = [Slot](repeating: Slot(key: 0, block: 0, days: 0), count: old.count * 2)
        for slot in old where slot.block != 0 { slots[place(key: slot.key, block: slot.block)] = slot }
    }
}

extension DayTable {
    /// Ten characters of an NMI and two of a suffix in base 36: exact, below 2^63.
    static func key(_ nmi: NMI, _ suffix: String = "") -> UInt64 {
        var key: UInt64 = 0
        for byte in nmi.text.utf8 { key = key &* 36 &+ digit(byte) }
        for byte in suffix.utf8.prefix(2) { key = key &* 36 &+ digit(byte) }
        return key
    }

    private static func digit(_ byte: UInt8) -> UInt64 { UInt64(byte >= 65 ? byte &- 55 : byte &- 48) % 36 }
}
