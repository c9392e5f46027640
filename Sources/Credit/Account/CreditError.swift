import Metering

/// Why an order to an account was not applied; nothing has changed and no business id was consumed.
public struct CreditRefusal: Hashable, Sendable {
    /// The words of contract §5 that an account gives.
    public enum Code: String, Sendable {
        case format, conflict, policy, limit, precondition
    }

    public var code: Code
    /// A stable snake_case word, or the path of the argument that is wrong.
    public var detail: String
    /// For people: what is wrong and what is allowed.
    public var message: String

    /// A refusal.
    public init(_ code: Code, detail: String, message: String) {
        self.code = code
        self.detail = detail
        self.message = message
    }

    init(_ fault: ArgumentFault) { self.init(.format, detail: fault.argument, message: fault.message) }
}

/// What can go wrong with an account.
public enum CreditError: Error, Hashable, Sendable {
    case refused(CreditRefusal)
    /// A record that cannot have followed the ones before it; the text says why.
    case contradiction(String)

    static func refused(_ code: CreditRefusal.Code, _ detail: String, _ message: String) -> CreditError {
        .refused(CreditRefusal(code, detail: detail, message: message))
    }

    static let overflow = CreditError.refused(
        .limit, "overflow", "the amount is beyond what the ledger can hold; look at the unit of the values")
}
