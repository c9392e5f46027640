import Metering

/// Which reads fetch the registers of a model, and how their answers become values again.
///
/// Neighbours share a request as far as the model allows (`maxRegisters`, `maxGap`); a value of several registers is
/// never split, because its halves could belong to different moments. The plan depends on nothing but the rows and the
/// timing. It is made once and used for every poll.
public struct ModbusPlan: Hashable, Sendable {
    /// Most reads one job may have, so that no other meter waits long.
    public static let longestJob = 8

    /// Sorted by function and address.
    public let reads: [ModbusRead]
    /// Where each row's value is, in the order of the reads.
    private let slots: [Slot]
    /// Index into `slots` of the first slot of each read, and one more for the end.
    private let firstSlots: [Int]
    /// How many rows the plan was made for.
    private let rowCount: Int

    /// Where a row's value is in the answer to its read.
    private struct Slot: Hashable, Sendable {
        var row: Int
        var place: ModbusPlace
    }

    /// A plan for `rows`. Rows that are no Modbus registers get no value.
    public init(_ rows: [ModelRegister], timing: ModelTiming) {
        var wanted: [(function: UInt8, start: Int, end: Int, slot: Slot)] = []
        for (index, row) in rows.enumerated() {
            guard case .modbus(let function, let address, let type, _) = row.source,
                let place = ModbusPlace(row, offset: 0)
            else { continue }
            let end = Int(address) + Int(type.registerCount)
            wanted.append((function, Int(address), end, Slot(row: index, place: place)))
        }
        wanted.sort { ($0.function, $0.start, $0.slot.row) < ($1.function, $1.start, $1.slot.row) }

        var reads: [ModbusRead] = []
        var slots: [Slot] = []
        var firstSlots: [Int] = []
        var block: (function: UInt8, start: Int, end: Int)?
        func close(_ block: (function: UInt8, start: Int, end: Int)) {
            reads.append(
                ModbusRead(
                    function: block.function, address: UInt16(truncatingIfNeeded: block.start),
                    count: UInt16(truncatingIfNeeded: block.end - block.start)))
        }
        let longest = Int(min(timing.maxRegisters, modbusLongestRead))
        for item in wanted {
            if let open = block, open.function == item.function, item.start - open.end <= Int(timing.maxGap),
                max(open.end, item.end) - open.start <= longest
            {
                block = (open.function, open.start, max(open.end, item.end))
            } else {
                if let open = block { close(open) }
                block = (item.function, item.start, item.end)
                firstSlots.append(slots.count)
            }
            var slot = item.slot
            slot.place.offset = item.start - (block?.start ?? item.start)
            slots.append(slot)
        }
        if let open = block { close(open) }
        firstSlots.append(slots.count)
        self.reads = reads
        self.slots = slots
        self.firstSlots = firstSlots
        rowCount = rows.count
    }

    /// The reads as jobs of at most `longestJob`, in order. `timeout` and `turnaround` in microseconds.
    public func jobs(unit: UnitAddress, timeout: Int64, turnaround: Int64, tries: Int) -> [ModbusJob] {
        stride(from: 0, to: reads.count, by: Self.longestJob).map { first in
            let part = reads[first..<min(first + Self.longestJob, reads.count)]
            return ModbusJob(
                unit: unit, reads: Array(part), timeout: timeout, turnaround: turnaround, tries: tries)
        }
    }

    /// Calls `body` with the row and the value, scaled to the row's unit, for every row that job `job` of `jobs` reads.
    /// What failed gives the reason of the failure.
    public func decode(
        _ outcome: BusOutcome, job: Int, _ body: (_ row: Int, _ value: Result<DecimalValue, MissingValue>) -> Void
    ) {
        let first = job * Self.longestJob
        guard first >= 0, first < reads.count else { return }
        let last = min(first + Self.longestJob, reads.count)
        switch outcome {
        case .modbus(let results) where results.count == last - first:
            for (index, result) in results.enumerated() { decode(result, read: first + index, body) }
        case .failed(let failure):
            for read in first..<last { fail(read, failure.noData, body) }
        case .modbus, .edmi, .contact, .inputs:
            for read in first..<last { fail(read, .badChecksum, body) }
        }
    }

    /// The value of every row, in the order of the rows, from one result a read. Rows that are no Modbus registers are
    /// `notPresent`; reads without a result are `timeout`.
    public func values(_ results: [Result<[UInt16], BusFailure>]) -> [Result<DecimalValue, MissingValue>] {
        var values = [Result<DecimalValue, MissingValue>](
            repeating: .failure(MissingValue(.notPresent)), count: rowCount)
        for read in reads.indices {
            decode(read < results.count ? results[read] : .failure(.timeout), read: read) { values[$0] = $1 }
        }
        return values
    }

    private func decode(
        _ result: Result<[UInt16], BusFailure>, read: Int, _ body: (Int, Result<DecimalValue, MissingValue>) -> Void
    ) {
        switch result {
        case .failure(let failure):
            fail(read, failure.noData, body)
        case .success(let words):
            guard words.count == Int(reads[read].count) else { return fail(read, .badChecksum, body) }
            words.withUnsafeBufferPointer { words in
                for index in firstSlots[read]..<firstSlots[read + 1] {
                    body(slots[index].row, slots[index].place.value(in: words))
                }
            }
        }
    }

    private func fail(_ read: Int, _ reason: NoData, _ body: (Int, Result<DecimalValue, MissingValue>) -> Void) {
        for index in firstSlots[read]..<firstSlots[read + 1] {
            body(slots[index].row, .failure(MissingValue(reason)))
        }
    }
}
