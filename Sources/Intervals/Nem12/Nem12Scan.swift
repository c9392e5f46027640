/// Eight bytes at a time (SWAR): the loops that every byte of a file goes through.
enum Nem12Scan {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The first byte below 0x20 (CR, LF or another control character), or `end`.
    @inline(__always)
    static func control(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        let raw = UnsafeRawPointer(base)
        var index = start
        while index &+ 8 <= end {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            // The lowest set bit is exact: a borrow comes only from a lower byte that is a hit itself.
            let hits = (word &- ones &* 0x20) & ~word & highs
            if hits != 0 { return index &+ hits.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < end, base[index] >= 0x20 { index &+= 1 }
        return index
    }

    /// The first CR or LF, or `end`.
    @inline(__always)
    static func lineEnd(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var index = control(base, from: start, to: end)
        while index < end, base[index] != 0x0A, base[index] != 0x0D {
            index = control(base, from: index &+ 1, to: end)
        }
        return index
    }
}

/// Decimal values, read into millionths without a rounding.
enum Nem12Value {
    /// Why a field is no value.
    enum Problem: Error {
        case missing, sign, exponent, character, point, size
    }

    static let powers: [Int64] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]

    /// Reads `count` values, each ended by a comma. Gives the place after the last comma, or nil when a field is not a
    /// plain value: then the line wants a closer look, field by field.
    ///
    /// Neighbours in a file mostly have their point and comma at the same places. So the last value's layout is tried
    /// first: the next value's place then does not wait for this one's arithmetic.
    static func read(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, into values: UnsafeMutableBufferPointer<Int64>,
        count: Int
    ) -> Int? {
        guard let out = values.baseAddress, values.count >= count else { return nil }
        let raw = UnsafeRawPointer(base)
        var layout = Nem12Layout.none
        var index = start
        var bad: UInt64 = 0
        var number = 0
        while number < count {
            if layout.isShort {
                layout.readFours(raw, from: &index, to: end, into: out, from: &number, to: count, bad: &bad)
                guard number < count else { break }
            }
            if index &+ 8 <= end {
                let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                if word & layout.marks == layout.expected {
                    let digits = layout.digits(word)
                    bad |= (digits &+ 0x7676_7676_7676_7676) | digits
                    out[number] = Nem12Layout.number(digits) &* layout.power
                    index &+= layout.step
                    number &+= 1
                    continue
                }
                if let found = Nem12Layout(word) {
                    layout = found
                    continue
                }
            }
            guard case .success(let value) = long(base, from: index, to: end), value.end < end else { return nil }
            out[number] = value.value
            index = value.end &+ 1
            number &+= 1
        }
        // A digit above nine anywhere, the sign of another character.
        return bad & Nem12Scan.highs == 0 ? index : nil
    }

    /// Any value up to a comma or the end of the line; says what is wrong with it otherwise.
    static func long(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int
    ) -> Result<(value: Int64, end: Int), Problem> {
        var index = start
        var value: Int64 = 0
        var whole = 0
        var decimals = -1
        while index < end, base[index] != 0x2C {
            let byte = base[index]
            switch byte {
            case 48...57:
                if decimals >= 0 { decimals += 1 } else { whole += 1 }
                // Leading zeros count too: a field of a hundred zeros is nobody's value.
                guard whole <= 9, decimals <= 6 else { return .failure(.size) }
                value = value * 10 + Int64(byte - 48)
            case UInt8(ascii: "."):
                guard decimals < 0 else { return .failure(.point) }
                decimals = 0
            case UInt8(ascii: "-"), UInt8(ascii: "+"): return .failure(index == start ? .sign : .character)
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                return .failure(whole + max(decimals, 0) > 0 ? .exponent : .character)
            default: return .failure(.character)
            }
            index += 1
        }
        if index == start { return .failure(.missing) }
        guard decimals != 0, whole + max(decimals, 0) > 0 else { return .failure(.point) }
        return .success((value * powers[6 - max(decimals, 0)], index))
    }
}

/// Where a value of at most seven characters has its point and its comma in an eight-byte word.
struct Nem12Layout {
    /// The bytes of point and comma, and what they hold.
    var marks: UInt64
    var expected: UInt64
    /// The digits before the point (all digits when there is none) and after it, and how they move to the top.
    var whole: UInt64
    var wholeShift: UInt64
    var fraction: UInt64
    var fractionShift: UInt64
    /// The character 0 under every digit.
    var zeros: UInt64
    /// Four digits at most.
    var isShort: Bool
    /// To millionths.
    var power: Int64
    /// Characters with the comma.
    var step: Int

    /// Fits no word.
    static let none = Nem12Layout(
        marks: 0, expected: 1, whole: 0, wholeShift: 0, fraction: 0, fractionShift: 0, zeros: 0, isShort: false,
        power: 0, step: 0)
}

extension Nem12Layout {
    /// The layout of the value that starts at the word's first byte; nil when it has none, or no digit before the
    /// comma, or its point at the end.
    @inline(never)
    init?(_ word: UInt64) {
        let commas = word ^ 0x2C2C_2C2C_2C2C_2C2C
        let points = word ^ 0x2E2E_2E2E_2E2E_2E2E
        let comma = (commas &- Nem12Scan.ones) & ~commas & Nem12Scan.highs
        let point = (points &- Nem12Scan.ones) & ~points & Nem12Scan.highs
        guard comma != 0 else { return nil }
        let length = comma.trailingZeroBitCount / 8
        let place = point == 0 ? length : min(point.trailingZeroBitCount / 8, length)
        guard length > 0, place == length || place + 1 < length else { return nil }
        let top = UInt64(64 - 8 * length)
        step = length + 1
        isShort = place == length ? length <= 4 : length <= 5
        whole = ~(~0 << UInt64(8 * place))
        marks = 0xFF << UInt64(8 * length)
        expected = 0x2C << UInt64(8 * length)
        if place == length {
            wholeShift = top
            fraction = 0
            fractionShift = 0
            zeros = 0x3030_3030_3030_3030 << top
            power = 1_000_000
        } else {
            wholeShift = top + 8
            fraction = ~(~0 << UInt64(8 * length)) & (~0 << UInt64(8 * place + 8))
            fractionShift = top
            zeros = 0x3030_3030_3030_3030 << (top + 8)
            marks |= 0xFF << UInt64(8 * place)
            expected |= 0x2E << UInt64(8 * place)
            power = Nem12Value.powers[6 - (length - place - 1)]
        }
    }

    /// The digits' numbers, the last in the top byte, zeros before the first.
    @inline(__always)
    func digits(_ word: UInt64) -> UInt64 {
        ((word & whole) &<< wholeShift | (word & fraction) &<< fractionShift) ^ zeros
    }

    /// Reads values four at a time while they have this layout, which is short. `bad` gets the sign of any character
    /// that is no digit.
    @inline(__always)
    func readFours(
        _ raw: UnsafeRawPointer, from index: inout Int, to end: Int, into out: UnsafeMutablePointer<Int64>,
        from number: inout Int, to count: Int, bad: inout UInt64
    ) {
        typealias Words = SIMD2<UInt64>
        func word(_ place: Int) -> UInt64 {
            UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index &+ place &* step, as: UInt64.self))
        }
        let power = Words(repeating: UInt64(UInt32(truncatingIfNeeded: self.power)))
        var signs = Words.zero
        while number &+ 4 <= count, index &+ 3 &* step &+ 8 <= end {
            let left = Words(word(0), word(1))
            let right = Words(word(2), word(3))
            let misses = ((left & marks) ^ expected) | ((right & marks) ^ expected)
            guard misses[0] | misses[1] == 0 else { break }
            // The four digits of a left value below those of a right one.
            let digits = digits(left) &>> 32 | digits(right)
            signs |= (digits &+ 0x7676_7676_7676_7676) | digits
            let pairs = ((digits &<< 3) &+ (digits &<< 1) &+ (digits &>> 8)) & 0x00FF_00FF_00FF_00FF
            let hundreds = (pairs &<< 6) &+ (pairs &<< 5) &+ (pairs &<< 2)
            let fours = (hundreds & 0x0000_FFFF_0000_FFFF) &+ ((pairs &>> 16) & 0x0000_FFFF_0000_FFFF)
            let first = (fours & 0xFFFF_FFFF) &* power
            let second = (fours &>> 32) &* power
            out[number] = Int64(truncatingIfNeeded: first[0])
            out[number &+ 1] = Int64(truncatingIfNeeded: first[1])
            out[number &+ 2] = Int64(truncatingIfNeeded: second[0])
            out[number &+ 3] = Int64(truncatingIfNeeded: second[1])
            index &+= 4 &* step
            number &+= 4
        }
        bad |= signs[0] | signs[1]
    }

    @inline(__always)
    private func digits(_ words: SIMD2<UInt64>) -> SIMD2<UInt64> {
        (((words & whole) &<< SIMD2(repeating: wholeShift))
            | ((words & fraction) &<< SIMD2(repeating: fractionShift))) ^ zeros
    }

    /// The number that eight characters make; nil when one is no digit.
    @inline(__always)
    static func integer(_ word: UInt64) -> Int64? {
        let digits = word ^ 0x3030_3030_3030_3030
        guard ((digits &+ 0x7676_7676_7676_7676) | digits) & Nem12Scan.highs == 0 else { return nil }
        return number(digits)
    }

    /// The number that eight digits make.
    @inline(__always)
    static func number(_ digits: UInt64) -> Int64 {
        let pairs = ((digits &* 2561) &>> 8) & 0x00FF_00FF_00FF_00FF
        let fours = ((pairs &* 6_553_601) &>> 16) & 0x0000_FFFF_0000_FFFF
        return Int64(truncatingIfNeeded: (fours &* 42_949_672_960_001) &>> 32)
    }
}
