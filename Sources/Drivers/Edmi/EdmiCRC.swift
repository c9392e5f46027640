/// CRC-16/XMODEM: polynomial 0x1021, start 0, not reflected (reference/edmi.md §1; check value of "123456789" 0x31C3).
enum EdmiCRC {
    /// Eight tables of 256, so that eight bytes are folded at once: table k is a byte's checksum followed by k zero bytes.
    private static let tables: [UInt16] = makeTables()

    /// The checksum of a lone STX, with which every frame's checksum starts.
    static let afterSTX: UInt16 = 0x2042

    private static func makeTables() -> [UInt16] {
        var tables = [UInt16](repeating: 0, count: 8 * 256)
        for value in 0..<256 {
            var crc = UInt16(value) << 8
            for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
            tables[value] = crc
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = previous << 8 ^ tables[Int(previous >> 8)]
        }
        return tables
    }

    /// Continues `start` over `bytes`.
    static func checksum(of bytes: UnsafeBufferPointer<UInt8>, from start: UInt16) -> UInt16 {
        guard let base = bytes.baseAddress else { return start }
        return tables.withUnsafeBufferPointer { table in
            guard let table = table.baseAddress else { return start }
            var crc = start
            var index = 0
            while bytes.count - index >= 8 {
                let next = base + index
                // Two halves, so that the loads of one do not wait for those of the other.
                let high =
                    table[1792 + Int(next[0] ^ UInt8(crc >> 8))] ^ table[1536 + Int(next[1] ^ UInt8(crc & 0xFF))]
                    ^ table[1280 + Int(next[2])] ^ table[1024 + Int(next[3])]
                let low =
                    table[768 + Int(next[4])] ^ table[512 + Int(next[5])] ^ table[256 + Int(next[6])]
                    ^ table[Int(next[7])]
                crc = high ^ low
                index += 8
            }
            while index < bytes.count {
                crc = crc << 8 ^ table[Int(UInt8(crc >> 8) ^ base[index])]
                index += 1
            }
            return crc
        }
    }
}
