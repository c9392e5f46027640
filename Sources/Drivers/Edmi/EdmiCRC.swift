/// CRC-16/XMODEM: polynomial 0x1021, start 0, not reflected (reference/edmi.md §1; check value of "123456789" 0x31C3).
enum EdmiCRC {
    /// Sixteen tables of 256, so that sixteen bytes are folded at once: table k is a byte's checksum followed by k zero
    /// bytes. Made once and kept for ever, which spares the counting of references to an array.
    nonisolated(unsafe) private static let tables: UnsafePointer<UInt16> = makeTables()

    /// The checksum of a lone STX, with which every frame's checksum starts.
    static let afterSTX: UInt16 = 0x2042

    private static func makeTables() -> UnsafePointer<UInt16> {
        let tables = UnsafeMutablePointer<UInt16>.allocate(capacity: 16 * 256)
        for value in 0..<256 {
            var crc = UInt16(value) << 8
            for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
            tables[value] = crc
        }
        for index in 256..<(16 * 256) {
            let previous = tables[index - 256]
            tables[index] = previous << 8 ^ tables[Int(previous >> 8)]
        }
        return UnsafePointer(tables)
    }

    /// Continues `start` over `count` bytes.
    static func checksum(of bytes: UnsafePointer<UInt8>, count: Int, from start: UInt16) -> UInt16 {
        let table = tables
        let raw = UnsafeRawPointer(bytes)
        var crc = start
        var index = 0
        while count &- index >= 16 {
            let first = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let second = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self))
            // Only two of the sixteen look-ups wait for the checksum so far.
            let rest = fold(second, table) ^ foldAfterTwo(first, table + 2048)
            let next = UInt16(truncatingIfNeeded: first) ^ crc.byteSwapped
            crc = rest ^ table[3840 &+ Int(next & 0xFF)] ^ table[3584 &+ Int(next >> 8)]
            index &+= 16
        }
        while index < count {
            crc = crc << 8 ^ table[Int(UInt8(truncatingIfNeeded: crc >> 8) ^ bytes[index])]
            index &+= 1
        }
        return crc
    }

    /// The look-ups of eight bytes, the last of which is followed by nothing.
    @inline(__always)
    private static func fold(_ word: UInt64, _ table: UnsafePointer<UInt16>) -> UInt16 {
        table[1792 &+ Int(word & 0xFF)] ^ table[1536 &+ Int(word >> 8 & 0xFF)] ^ foldAfterTwo(word, table)
    }

    /// The same without the first two bytes.
    @inline(__always)
    private static func foldAfterTwo(_ word: UInt64, _ table: UnsafePointer<UInt16>) -> UInt16 {
        let low =
            table[1280 &+ Int(word >> 16 & 0xFF)] ^ table[1024 &+ Int(word >> 24 & 0xFF)]
            ^ table[768 &+ Int(word >> 32 & 0xFF)]
        let high =
            table[512 &+ Int(word >> 40 & 0xFF)] ^ table[256 &+ Int(word >> 48 & 0xFF)] ^ table[Int(word >> 56)]
        return low ^ high
    }

    /// The same over a buffer.
    static func checksum(of bytes: UnsafeBufferPointer<UInt8>, from start: UInt16) -> UInt16 {
        guard let base = bytes.baseAddress else { return start }
        return checksum(of: base, count: bytes.count, from: start)
    }
}
