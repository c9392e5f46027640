import Intervals
import Metering
import Testing

@testable import Credit

/// The account that a journal alone gives, read from its text; every record's balance is checked on the way.
func replayed(_ journal: [JSONValue], zone: ZoneRules, limits: AccountLimits) throws -> CreditAccount {
    var account = CreditAccount(unit: "unit-1", zone: zone, limits: limits)
    for record in journal {
        let read = try JSONReader.read(JSONWriter.canonical(record))
        let kind = try #require(read["kind"]?.string.flatMap(JournalKind.init(rawValue:)))
        let data = try #require(read["data"]?.object)
        guard let event = try CreditEvent.read(kind: kind, data: data, at: time(read["at"]?.string ?? "")) else {
            continue
        }
        try account.apply(event)
        if let balance = data["balance_micro"]?.integer { #expect(account.balance == balance, "record \(record)") }
    }
    return account
}
