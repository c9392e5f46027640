import Intervals

extension CreditAccount {
    /// Whether another account is in the same state: a box that reads its journal must come to the account that was.
    /// Marks of days on which nothing fell due are not compared: they leave no record and change nothing.
    public func isSame(as other: CreditAccount) -> Bool {
        unit == other.unit && mode == other.mode && registers == other.registers && settings == other.settings
            && clock == other.clock && isEmergencySelected == other.isEmergencySelected
            && isEmergencyOffered == other.isEmergencyOffered && isLow == other.isLow
            && saidExhausted == other.saidExhausted && saidEmergencyExhausted == other.saidEmergencyExhausted
            && lastAdditions == other.lastAdditions && loans == other.loans && week == other.week
            && applied == other.applied && use == other.use && tariffs.isSame(as: other.tariffs)
    }
}

extension TariffBook {
    func isSame(as other: TariffBook) -> Bool {
        versions.elementsEqual(other.versions) {
            $0.plan.setting.tariff == $1.plan.setting.tariff && $0.plan.from == $1.plan.from && $0.state == $1.state
        }
    }
}
