import Credit
import Metering

/// What the desk needs of the payment units. The agent lends them to it for a turn, as it lends the clock.
protocol DeskUnits {
    /// Configured units, in the order of the configuration.
    var ids: [String] { get }
    func contains(_ id: String) -> Bool
    /// The unit at a place as a billing system calls it.
    func knows(usagePlace: String) -> String?

    /// Whether a command would be carried out now; changes nothing.
    func check(_ command: UnitCommand, unit: String, clock: ClockTrust, turn: Turn) throws(Refusal)

    /// Carries out a command and appends its records. A business id that was used for the same content before gives
    /// `already_applied` in the result, and no records. `.waiting` where a switch must be seen to follow.
    mutating func begin(
        _ command: UnitCommand, unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress

    /// The same without waiting for a switch.
    mutating func carryOut(
        _ command: UnitCommand, unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> Outcome

    /// Whether a disconnect order would be carried out now; changes nothing.
    func checkDisconnect(unit: String, clock: ClockTrust, turn: Turn) throws(Refusal)

    /// A signed order to cut the supply.
    mutating func disconnect(
        unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress

    /// Takes such an order back.
    mutating func reconnect(
        unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress

    /// After a restart: waits again for the switch of an order that had been given. A disconnection that is not begun
    /// by `expires` is not begun at all.
    mutating func resume(id: String, unit: String, closes: Bool, expires: WallTime?, turn: Turn)

    /// The value of a resource as its `_set` takes it; null while nothing is set, nil when there is no such resource.
    func settingJSON(_ resource: String, unit: String, at time: WallTime) -> JSONValue?
    /// `credit show` (contract §8).
    func creditJSON(unit: String, at time: WallTime) -> JSONValue?
    /// `supply show` (contract §8).
    func supplyJSON(unit: String) -> JSONValue?
    /// Where the load switch is; nil when the unit has none.
    func relayJSON(unit: String) -> JSONValue?
    /// The newest nine credits first.
    func additionsJSON(unit: String) -> JSONValue?
    /// `from` and `to` are nil where the sender left them out.
    func creditReportJSON(unit: String, from: WallTime?, to: WallTime?, at time: WallTime) -> JSONValue?
    func meterReadingsJSON(unit: String) -> JSONValue?
    /// A row for each unit.
    func listJSON(at time: WallTime) -> JSONValue
}

extension UnitHub: DeskUnits {}
