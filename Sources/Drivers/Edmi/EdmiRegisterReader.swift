import Metering

/// Reads a list of registers: asks for types it does not know, batches where the dialect can, and falls back from FFF0
/// to FFF1 to single reads (reference/edmi.md §4). The common part of all tasks.
struct EdmiRegisterReader: Hashable, Sendable {
    struct Item: Hashable, Sendable {
        var address: UInt32
        /// Nil until the meter was asked.
        var type: EdmiType?
        var result: Result<EdmiValue, MissingValue>?
        /// A batch with it failed: it is read by itself.
        var alone = false
    }

    private enum Step: Hashable {
        case describe(Int, other: Bool)
        case batch([Int], statusEach: Bool)
        case single(Int, other: Bool, again: Bool)
    }

    /// Registers in one `M`: what a Mk6 was seen to take (reference/edmi.md §3).
    private static let batchSize = 16

    private(set) var items: [Item]
    private var step: Step?
    /// An FFF0 batch was refused although all its registers exist, as far as known.
    private var suspectsBatch = false

    init(_ registers: [(address: UInt32, type: EdmiType?)]) {
        items = registers.map { Item(address: $0.address, type: $0.type) }
    }

    var isDone: Bool { items.allSatisfy { $0.result != nil } }

    /// The value of the `index`th register once read.
    func value(_ index: Int) -> EdmiValue? {
        guard case .success(let value)? = items[index].result else { return nil }
        return value
    }

    /// The `index`th register as a whole number within `range`; nil when missing or outside.
    func integer(_ index: Int, in range: ClosedRange<Int64>) -> Int64? {
        guard case .number(let number)? = value(index), number.exponent == 0, range.contains(number.mantissa) else {
            return nil
        }
        return number.mantissa
    }

    // MARK: Asking

    mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        if step == nil { step = nextStep(&facts) }
        switch step {
        case nil: return nil
        case .describe(let index, let other): return facts.describe(items[index].address, other: other)
        case .batch(let members, let statusEach):
            return .readMany(members.map { items[$0].address }, statusEach: statusEach)
        case .single(let index, let other, _): return facts.read(items[index].address, other: other)
        }
    }

    private mutating func nextStep(_ facts: inout EdmiFacts) -> Step? {
        for index in items.indices where items[index].result == nil {
            if facts.absent.contains(items[index].address) {
                items[index].result = .failure(MissingValue(.notPresent))
            } else if items[index].type == nil {
                guard let kind = facts.kinds[items[index].address] else {
                    return .describe(index, other: facts.usesOtherDescribe)
                }
                items[index].type = kind.type
                if kind.type == nil || kind.type == EdmiType.none {
                    items[index].result = .failure(MissingValue(.invalid))
                }
            }
        }
        let open = items.indices.filter { items[$0].result == nil }
        guard let first = open.first else {
            if suspectsBatch { facts.lacksBatch = true }
            return nil
        }
        if facts.dialect == .genius, !facts.lacksBatch {
            let members = open.filter { isBatchable($0, facts) }.prefix(Self.batchSize)
            if members.count > 1 { return .batch([Int](members), statusEach: false) }
        }
        return .single(first, other: facts.usesOtherRead, again: false)
    }

    private func isBatchable(_ index: Int, _ facts: EdmiFacts) -> Bool {
        guard let type = items[index].type, !items[index].alone, !facts.loners.contains(items[index].address) else {
            return false
        }
        return switch type {
        case .variableSpecial, .special, .waveform, .none: false
        default: true
        }
    }

    // MARK: Answers

    mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        switch step {
        case nil: return false
        case .describe(let index, let other):
            if let kind = EdmiRegisterKind(data) {
                facts.kinds[items[index].address] = kind
                facts.usesOtherDescribe = other
            } else {
                note(.failure(.internalError), at: index, &facts)
            }
        case .batch(let members, let statusEach):
            guard let parsed = parse(data, members, statusEach: statusEach) else {
                batchFailed(members, statusEach: statusEach, &facts)
                return true
            }
            for (index, result) in zip(members, parsed) { note(result, at: index, &facts) }
        case .single(let index, let other, _):
            // The right register with a value of another size: the model's type is wrong, not the line.
            let value = items[index].type.flatMap { EdmiValue($0, data) }
            items[index].result = value.map { .success($0) } ?? .failure(MissingValue(.invalid))
            if let type = items[index].type, EdmiValue.length(of: type, in: data, narrow: false) != data.count {
                facts.loners.insert(items[index].address)
                suspectsBatch = false
            }
            facts.usesOtherRead = other
        }
        step = nil
        return true
    }

    mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        switch step {
        case nil: return
        case .describe(let index, let other):
            if refusal.suggestsOtherCommand, !other, items[index].address <= 0xFFFF {
                step = .describe(index, other: true)
                return
            }
            note(.failure(refusal), at: index, &facts)
        case .batch(let members, let statusEach):
            if !statusEach, refusal != .notReady { suspectsBatch = true }
            if refusal == .notImplemented { facts.lacksBatch = true }
            if statusEach, refusal != .notReady { facts.lacksStatusBatch = true }
            batchFailed(members, statusEach: statusEach, &facts)
            return
        case .single(let index, let other, let again):
            if refusal.suggestsOtherCommand, other == facts.usesOtherRead, items[index].address <= 0xFFFF {
                step = .single(index, other: !other, again: again)
                return
            }
            // Nothing on a plain line says which register an error is about: it must say so twice.
            if refusal == .registerNotFound, facts.isPlain, !again {
                step = .single(index, other: other, again: true)
                return
            }
            note(.failure(refusal), at: index, &facts)
        }
        step = nil
    }

    private mutating func note(
        _ result: Result<EdmiValue, EdmiRefusal>, at index: Int, _ facts: inout EdmiFacts
    ) {
        switch result {
        case .success(let value): items[index].result = .success(value)
        case .failure(let refusal):
            if refusal == .registerNotFound { facts.absent.insert(items[index].address) }
            if refusal != .notReady { facts.loners.insert(items[index].address) }
            suspectsBatch = false
            items[index].result = .failure(MissingValue(refusal.noData))
        }
    }

    private mutating func batchFailed(_ members: [Int], statusEach: Bool, _ facts: inout EdmiFacts) {
        if !statusEach, !facts.lacksBatch, !facts.lacksStatusBatch {
            step = .batch(members, statusEach: true)
            return
        }
        for index in members { items[index].alone = true }
        step = nil
    }

    // MARK: Batches

    /// The values of a batch; nil unless they fill `data` exactly, with all doubles 8 bytes wide or all 4, and in one
    /// way only.
    private func parse(
        _ data: ArraySlice<UInt8>, _ members: [Int], statusEach: Bool
    ) -> [Result<EdmiValue, EdmiRefusal>]? {
        let wide = parse(data, members, statusEach: statusEach, narrow: false)
        let hasDoubles = members.contains { items[$0].type == .double || items[$0].type == .doubleEnergy }
        guard hasDoubles, let narrow = parse(data, members, statusEach: statusEach, narrow: true) else { return wide }
        return wide == nil || wide == narrow ? narrow : nil
    }

    private func parse(
        _ data: ArraySlice<UInt8>, _ members: [Int], statusEach: Bool, narrow: Bool
    ) -> [Result<EdmiValue, EdmiRefusal>]? {
        var rest = data
        var results: [Result<EdmiValue, EdmiRefusal>] = []
        for index in members {
            if statusEach {
                guard let code = rest.popFirst() else { return nil }
                if code != 0 {
                    // A register with a status other than 0 has no value bytes.
                    let refusal = EdmiRefusal(code: code)
                    if case .unknown = refusal { return nil }
                    results.append(.failure(refusal))
                    continue
                }
            }
            guard let type = items[index].type,
                let length = EdmiValue.length(of: type, in: rest, narrow: narrow), length <= rest.count,
                let value = EdmiValue(type, rest.prefix(length))
            else { return nil }
            results.append(.success(value))
            rest = rest.dropFirst(length)
        }
        return rest.isEmpty ? results : nil
    }
}
