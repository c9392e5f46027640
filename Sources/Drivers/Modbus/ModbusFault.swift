/// Why Modbus bytes are refused. A refused frame is never a value.
public enum ModbusFault: Error, Hashable, Sendable {
    /// The RTU checksum does not fit.
    case badChecksum
    /// Fewer or more bytes than the header says, or than the answer to this request has.
    case wrongLength
    /// Another unit answers.
    case wrongUnit(UInt8)
    /// Another function than the one asked for.
    case wrongFunction(UInt8)
    /// TCP only: the answer to another question.
    case wrongTransaction(UInt16)
    /// TCP only: the protocol identifier is not 0.
    case wrongProtocol(UInt16)
    /// The device understood and refuses, code 1…255 (Modbus Application Protocol v1.1b3 §7).
    case exception(UInt8)

    /// The same as the outcome of an exchange.
    public var busFailure: BusFailure {
        switch self {
        case .badChecksum: .badChecksum
        case .exception(let code): .exception(code)
        case .wrongLength, .wrongUnit, .wrongFunction, .wrongTransaction, .wrongProtocol: .badFrame
        }
    }
}
