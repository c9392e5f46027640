import Metering

/// Something to be read from a meter, one exchange at a time. `EdmiSession` wraps its commands and gives it the
/// replies; between two exchanges other tasks of the same meter may go first.
///
/// The tasks are `EdmiRegisterTask`, `EdmiClockTask`, `EdmiSetClockTask`, `EdmiIdentifyTask`, `EdmiSurveyTask` and
/// `EdmiEventTask`.
public protocol EdmiTask: Sendable {
    /// The session's own notes about this task.
    var progress: EdmiTaskProgress { get set }
    /// The next command, or nil when there is nothing left to ask. Asked again before a reply came, it gives the same.
    mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand?
    /// Takes the bytes after the echo of the last command. False when they cannot be its reply: it is then sent again.
    mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool
    /// Takes the meter's ACK. False when the last command is answered with data.
    mutating func acknowledge(_ facts: inout EdmiFacts) -> Bool
    /// Takes the meter's refusal of the last command.
    mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts)
    /// Why the task can never be done; nil while it can.
    var failure: EdmiFailure? { get }
}

extension EdmiTask {
    public mutating func acknowledge(_ facts: inout EdmiFacts) -> Bool { false }
}

/// What a session notes about a task between exchanges. Only `EdmiSession` changes it.
public struct EdmiTaskProgress: Hashable, Sendable {
    /// The command went wrong this way; told once by `next`, which then goes on with the same command.
    var failure: EdmiFailure?
    /// Not before this: the meter said "not ready".
    var notBefore: Uptime?
    /// Of the present command: repeats because of "not ready", lost log-in, and unfit replies.
    var notReady = 0
    var logins = 0
    var unfit = 0
    var tries = 0
    /// The present command's number, kept while it is repeated without an answer.
    var sequence: UInt16?

    public init() {}

    mutating func commandDone() { self = EdmiTaskProgress() }
}

/// What a session has learnt about its meter and need not ask again.
public struct EdmiFacts: Hashable, Sendable {
    public let dialect: MeterModel.Dialect
    /// A plain line: error replies carry nothing that says which command they answer.
    let isPlain: Bool
    /// Most data bytes of a survey read.
    let maxDataBytes: Int
    /// Answers to `I`/`O`. Looked up only, never iterated.
    var kinds: [UInt32: EdmiRegisterKind] = [:]
    /// Registers refused with code 3 since the last log-in. Looked up only.
    var absent: Set<UInt32> = []
    /// Registers that spoil a batch since the last log-in: refused, or of another size than their type's.
    var loners: Set<UInt32> = []
    /// The meter refuses the dialect's own single-register command; the other one is used where the address fits.
    var usesOtherRead = false
    var usesOtherDescribe = false
    /// The meter refuses FFF0, FFF1.
    var lacksBatch = false
    var lacksStatusBatch = false

    init(link: EdmiLink) {
        dialect = link.dialect
        isPlain = link.address == nil
        maxDataBytes = link.maxDataBytes
    }

    /// The single-register read for `address`; `other` asks for the other dialect's command.
    func read(_ address: UInt32, other: Bool) -> EdmiCommand {
        if let short = UInt16(exactly: address), (dialect == .atlas) != other { return .read(short) }
        return .readLong(address)
    }

    /// The type query for `address`; `other` asks for the other dialect's command.
    func describe(_ address: UInt32, other: Bool) -> EdmiCommand {
        if let short = UInt16(exactly: address), (dialect == .atlas) != other { return .describe(short) }
        return .describeLong(address)
    }

    /// What a new log-in makes doubtful again: the meter may have been changed or reprogrammed.
    mutating func forgetAbsences() {
        absent = []
        loners = []
    }
}

/// A register's type and unit as the meter itself tells them.
public struct EdmiRegisterKind: Hashable, Sendable {
    /// Nil for a type letter we do not know.
    public var type: EdmiType?
    public var unit: EdmiUnit?
    public var name: String

    /// Reads the answer to `I` or `O` after its echo: type, unit, description, NUL. Nil when it is none.
    init?(_ data: ArraySlice<UInt8>) {
        guard data.count >= 3, data.last == 0, data.dropFirst(2).dropLast().allSatisfy({ $0 != 0 }) else {
            return nil
        }
        type = EdmiType(rawValue: data[data.startIndex])
        unit = EdmiUnit(rawValue: data[data.startIndex + 1])
        name = EdmiText.printable(data[(data.startIndex + 2)...].dropLast())
    }
}
