import Metering

/// Reads and checks a NEM12 or NEM13 file (AEMO Meter Data File Format) of any length in bounded memory.
///
/// Feed the bytes in pieces of any size, then call `finish`. How the file is cut into pieces changes nothing of what
/// the handler is told. Nothing is repaired and nothing is guessed: a record with a fault is reported and left out.
public struct Nem12Reader {
    /// The longest line that is looked at, in bytes.
    public static let longestLine = 16_384

    /// The beginning of a line whose end has not come yet.
    private var carry: [UInt8] = []
    private var isOverlong = false
    /// A CR ended the last piece: an LF at the start of the next one belongs to it.
    private var skipsLineFeed = false
    private var block = Nem12Block()

    public init() {}

    /// Takes the next bytes of the file.
    public mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, to handler: inout some Nem12Handler) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        var start = 0
        let end = bytes.count
        if skipsLineFeed {
            skipsLineFeed = false
            if base[0] == 0x0A { start = 1 }
        }
        while start < end {
            // The values of a plain 300 record are read before its end is looked for: they hold no line end.
            let ahead = readAhead(Nem12Line(base: base + start, count: end - start), &handler)
            let stop = Nem12Scan.lineEnd(base, from: start + ahead, to: end)
            let piece = UnsafeBufferPointer(start: base + start, count: stop - start)
            guard stop < end else {
                keep(piece)
                return
            }
            if carry.isEmpty, !isOverlong {
                block.ahead = ahead
                take(piece, &handler)
            } else {
                keep(piece)
                takeCarry(&handler)
            }
            start = stop + 1
            if base[stop] == 0x0D {
                if start == end {
                    skipsLineFeed = true
                } else if base[start] == 0x0A {
                    start += 1
                }
            }
        }
    }

    /// Takes the next bytes of the file.
    public mutating func feed(_ bytes: some Collection<UInt8>, to handler: inout some Nem12Handler) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { feed($0, to: &handler) }
        if done == nil { Array(bytes).withUnsafeBufferPointer { feed($0, to: &handler) } }
    }

    /// The file has ended: the last day and the last faults are told.
    public mutating func finish(to handler: inout some Nem12Handler) {
        if !carry.isEmpty || isOverlong { takeCarry(&handler) }
        closeDay(&handler)
        block.endOfFile()
        deliver(&handler)
    }

    /// How many bytes of a 300 record have been read into the block's values; 0 for none.
    @inline(__always)
    private mutating func readAhead(_ rest: Nem12Line, _ handler: inout some Nem12Handler) -> Int {
        guard carry.isEmpty, !isOverlong, block.startsPlainDay(rest) else { return 0 }
        closeDay(&handler)
        return block.readAhead(rest)
    }

    private mutating func keep(_ piece: UnsafeBufferPointer<UInt8>) {
        guard !isOverlong else { return }
        if carry.count + piece.count > Self.longestLine {
            isOverlong = true
            carry.removeAll(keepingCapacity: true)
        } else {
            carry.append(contentsOf: piece)
        }
    }

    private mutating func takeCarry(_ handler: inout some Nem12Handler) {
        if isOverlong {
            isOverlong = false
            closeDay(&handler)
            block.overlongLine()
            deliver(&handler)
            return
        }
        // Taken out, so that the line's bytes and the reader's state are not touched through one variable.
        let line = carry
        carry = []
        line.withUnsafeBufferPointer { take($0, &handler) }
        carry = line
        carry.removeAll(keepingCapacity: true)
    }

    private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>, _ handler: inout some Nem12Handler) {
        guard bytes.count <= Self.longestLine else {
            closeDay(&handler)
            block.overlongLine()
            deliver(&handler)
            return
        }
        // An empty buffer may have no address; a line needs one, even to say that it is empty.
        let line = Nem12Line(base: bytes.baseAddress ?? Self.nothing, count: bytes.count)
        let kind = block.classify(line)
        if kind != .range && kind != .transaction { closeDay(&handler) }
        block.take(line, kind)
        deliver(&handler)
    }

    private static var nothing: UnsafePointer<UInt8> {
        let empty: StaticString = ""
        return empty.utf8Start
    }

    private mutating func closeDay(_ handler: inout some Nem12Handler) {
        guard let day = block.closeDay(), let stream = block.stream else { return }
        block.values.withUnsafeBufferPointer { values in
            handler.day(
                Nem12Day(
                    line: day.line, stream: stream, day: day.day,
                    values: UnsafeBufferPointer(rebasing: values[..<day.count]), ranges: day.ranges,
                    updated: day.updated, loaded: day.loaded))
        }
    }

    private mutating func deliver(_ handler: inout some Nem12Handler) {
        guard block.hasNews else { return }
        block.hasNews = false
        for fault in block.faults { handler.fault(fault) }
        block.faults.removeAll(keepingCapacity: true)
        if let header = block.newHeader { handler.header(header) }
        if let stream = block.newStream { handler.stream(stream) }
        if let transaction = block.newTransaction { handler.transaction(transaction) }
        if let reading = block.newReading { handler.reading(reading) }
        block.newHeader = nil
        block.newStream = nil
        block.newTransaction = nil
        block.newReading = nil
    }
}
