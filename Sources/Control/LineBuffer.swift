/// Cuts a stream of bytes into lines of bounded length.
struct LineBuffer {
    /// Longest line without its end, bytes (contract §6).
    static let limit = 1 << 20

    private var bytes: [UInt8] = []
    private var start = 0
    /// Everything before it is known to hold no line end.
    private var scanned = 0

    /// Whether a line longer than the limit has begun; nothing after that can be read.
    private(set) var isOverLong = false

    /// Whether the beginning of a line waits for its end.
    var hasPartialLine: Bool { start < bytes.count }

    /// Bytes kept.
    var count: Int { bytes.count - start }

    mutating func append(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    /// The next whole line without its end (`\n` or `\r\n`); nil when there is none yet, or when it is too long.
    mutating func nextLine() -> [UInt8]? {
        guard !isOverLong else { return nil }
        guard let end = bytes[scanned...].firstIndex(of: 0x0A) else {
            scanned = bytes.count
            isOverLong = bytes.count - start > Self.limit
            compact()
            return nil
        }
        guard end - start <= Self.limit else {
            isOverLong = true
            return nil
        }
        var line = bytes[start..<end]
        if line.last == 0x0D { line = line.dropLast() }
        start = end + 1
        scanned = start
        return Array(line)
    }

    /// Frees what was read, so that a long stream does not grow the memory.
    private mutating func compact() {
        guard start > 0 else { return }
        bytes.removeFirst(start)
        scanned -= start
        start = 0
    }
}
