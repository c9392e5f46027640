/// The escaped bytes of a frame: 02, 03, 10, 11, 13 (reference/edmi.md §1).
enum EdmiStuffing {
    /// Bytes that `copyRun` may write beyond what it copies.
    static let slack = 8

    /// Whether a byte may not stand unescaped between STX and ETX.
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte & 0xFE == 0x02 || byte & 0xFE == 0x10 || byte == 0x13
    }

    /// What stood escaped as `byte`; nil when nothing is escaped so.
    static func unescaped(_ byte: UInt8) -> UInt8? {
        let plain = byte & 0xBF
        return byte & 0x40 != 0 && isSpecial(plain) ? plain : nil
    }

    /// Copies up to the first byte of the escaped set, or all; says how many. `target` must have room for `count` and
    /// `slack` bytes. Eight bytes are tested at once, which is what makes the codec fast: most need no escape.
    @inline(__always)
    static func copyRun(
        from source: UnsafePointer<UInt8>, count: Int, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(target)
        var index = 0
        while count &- index >= 8 {
            let word = UInt64(littleEndian: from.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            to.storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
            let marks = specials(word)
            guard marks == 0 else { return index &+ marks.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < count, !isSpecial(source[index]) {
            target[index] = source[index]
            index &+= 1
        }
        return index
    }

    /// The top bit of every byte of the escaped set; bytes above the lowest such one may be marked wrongly.
    @inline(__always)
    private static func specials(_ word: UInt64) -> UInt64 {
        let pairs = word & 0xFEFE_FEFE_FEFE_FEFE
        return zeros(pairs ^ 0x0202_0202_0202_0202) | zeros(pairs ^ 0x1010_1010_1010_1010)
            | zeros(word ^ 0x1313_1313_1313_1313)
    }

    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// Writes `byte`, escaped where it must be; gives the bytes written.
    @inline(__always)
    static func put(_ byte: UInt8, to target: UnsafeMutablePointer<UInt8>) -> Int {
        guard isSpecial(byte) else {
            target[0] = byte
            return 1
        }
        target[0] = EdmiFrame.dle
        target[1] = byte | 0x40
        return 2
    }
}
