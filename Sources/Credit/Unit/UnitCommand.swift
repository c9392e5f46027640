import Metering

/// A command that changes a unit's account or supply, read and checked by itself.
public enum UnitCommand: Hashable, Sendable {
    case pay(PaymentAdd)
    case reverse(PaymentReverse)
    case adjust(CreditAdjustment)
    case lend(LoanExtend)
    case setArrears(ArrearsSettings)
    case setMode(OperationalModeSettings)
    case set(UnitSetting)

    /// Names of the commands, ascending.
    public static let names: [String] =
        (UnitSetting.names.map { "\($0)_set" } + [
            "arrears_set", "credit_adjust", "credit_set", "loan_extend", "operational_mode_set", "payment_add",
            "payment_reverse",
        ]).sorted()

    /// Reads a command; a fault names the argument and says what is allowed. Nil when it is none of a unit's.
    public static func read(_ name: String, _ args: JSONValue) throws(ArgumentFault) -> UnitCommand? {
        switch name {
        case "payment_add": return .pay(try PaymentAdd(args))
        case "payment_reverse": return .reverse(try PaymentReverse(args))
        case "credit_adjust": return .adjust(try CreditAdjustment(adjust: args))
        case "credit_set": return .adjust(try CreditAdjustment(set: args))
        case "loan_extend": return .lend(try LoanExtend(args))
        case "arrears_set": return .setArrears(try ArrearsSettings(args))
        case "operational_mode_set": return .setMode(try OperationalModeSettings(args))
        default:
            guard name.hasSuffix("_set") else { return nil }
            return try UnitSetting.read(String(name.dropLast(4)), args).map { .set($0) }
        }
    }
}
