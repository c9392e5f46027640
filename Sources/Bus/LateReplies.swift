import Drivers
import Metering

/// Modbus RTU replies carry no number: one that comes late looks like the answer to any other read of as many registers
/// by the same function from the same unit. So after a time-out such a read waits until the late reply has come or
/// cannot come any more. Reads of other units and other sizes need not wait.
struct LateReplies {
    /// How long after a request its reply is still expected to turn up, in time-outs.
    static let patience: Int64 = 3

    private struct Question {
        var unit: UnitAddress
        var read: ModbusRead
        var until: Int64
        var outstanding: Int
    }

    private var questions: [Question] = []
    private var generation = 0

    /// Forgets everything when the line was opened or set anew.
    mutating func follow(_ generation: Int) {
        guard self.generation != generation else { return }
        self.generation = generation
        questions.removeAll()
    }

    /// A request got no answer in time.
    mutating func expect(from unit: UnitAddress, to read: ModbusRead, until time: Int64) {
        if let index = questions.firstIndex(where: { $0.unit == unit && $0.read == read }) {
            questions[index].until = time
            questions[index].outstanding += 1
        } else {
            questions.append(Question(unit: unit, read: read, until: time, outstanding: 1))
        }
    }

    /// A frame of this unit came that nobody waits for now.
    mutating func came(from unit: UnitAddress) {
        guard let index = questions.firstIndex(where: { $0.unit == unit }) else { return }
        questions[index].outstanding -= 1
        if questions[index].outstanding <= 0 { questions.remove(at: index) }
    }

    /// Whether a late reply of this unit may still come.
    mutating func mayCome(from unit: UnitAddress, at now: Int64) -> Bool {
        questions.removeAll { $0.until <= now }
        return questions.contains { $0.unit == unit }
    }

    /// Until when this read must wait, because a late reply could be taken for its answer; nil when it may go.
    mutating func blocked(_ unit: UnitAddress, _ read: ModbusRead, at now: Int64) -> Int64? {
        // The echo of an order says which order it was.
        guard !questions.isEmpty, read.function != 5 else { return nil }
        questions.removeAll { $0.until <= now }
        return questions.filter {
            $0.unit == unit && $0.read.function == read.function && $0.read.count == read.count && $0.read != read
        }.map(\.until).max()
    }
}
