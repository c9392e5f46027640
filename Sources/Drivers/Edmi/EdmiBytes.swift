extension RandomAccessCollection<UInt8> where Index == Int {
    /// The integer of `T`'s width at `offset` from the start, most significant byte first. The bytes must be there.
    func bigEndian<T: FixedWidthInteger>(at offset: Int) -> T {
        var value: T = 0
        for index in (startIndex + offset)..<(startIndex + offset + T.bitWidth / 8) {
            value = value << 8 | T(truncatingIfNeeded: self[index])
        }
        return value
    }

    /// As `bigEndian(at:)`, least significant byte first.
    func littleEndian<T: FixedWidthInteger>(at offset: Int) -> T {
        (bigEndian(at: offset) as T).byteSwapped
    }
}

extension [UInt8] {
    mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
