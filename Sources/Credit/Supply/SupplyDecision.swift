import Metering

/// Everything that a supply decision goes by, at one instant.
public struct SupplyPicture: Hashable, Sendable {
    /// What somebody with the right to it has ordered.
    public enum Order: String, Hashable, Sendable, CaseIterable {
        case none
        case forceOn = "force_on"
        case forceOff = "force_off"
        /// A signed disconnect order.
        case disconnect
    }

    /// What the switch is now.
    public var current: SupplyState
    public var doubts: SupplyDoubts = []
    public var order = Order.none
    public var mode = OperationalMode.prepayment
    /// The unit must never be disconnected.
    public var neverDisconnect = false
    /// The friendly period or special day that this instant may be in, over the whole uncertainty of the clock.
    public var protection: Protection?
    /// Whether supply that is off comes back for a friendly period.
    public var returnsForFriendlyPeriod = false
    /// Whether the balance is above the cut-off value, or emergency credit is selected and left.
    public var isUsable = true
    /// Whether what is usable is emergency credit.
    public var isOnEmergencyCredit = false
    /// Whether emergency credit used and accumulated debt are paid.
    public var isDebtCleared = true
    public var reconnect = ReconnectPolicy.button
    public var restore = RestorePolicy.usableCredit
    /// The customer has asked for supply at the armed switch.
    public var isCustomerReady = false
    /// The notice that must go before this disconnection is not over.
    public var isNoticePending = false
    /// The switch moved less than the dwell time ago.
    public var isDwelling = false
    /// The switch has moved as often as it may in an hour, or was disconnected by order today.
    public var isLimitReached = false

    /// A picture of a credited unit without orders or doubts.
    public init(current: SupplyState) { self.current = current }
}

/// What supply should be, and why.
public struct SupplyDecision: Hashable, Sendable {
    public var state: SupplyState
    public var reason: SupplyReason
    /// Something keeps the switch where it is; the reason says what.
    public var isHeld: Bool

    /// A decision.
    public init(_ state: SupplyState, _ reason: SupplyReason, isHeld: Bool = false) {
        self.state = state
        self.reason = reason
        self.isHeld = isHeld
    }

    /// Decides (design §7, first that applies). Pure: run it again in the turn of the order, on a fresh picture.
    public static func decide(_ picture: SupplyPicture) -> SupplyDecision {
        let wanted = wanted(picture)
        let current = picture.current
        let closes = wanted.state > current
        let opens = wanted.state < current
        // 1. Doubt holds; connecting what is credited or forced on is allowed in spite of it.
        if let doubt = picture.doubts.reason, !closes { return hold(picture, doubt) }
        if wanted.state == .connected || current == .connected, closes || opens {
            if picture.isDwelling { return hold(picture, .dwell) }
            if picture.isLimitReached { return hold(picture, .switchLimit) }
        }
        // 3. Nothing opens a switch in protected time; `wanted` is step 2 when it is force_on.
        if opens {
            if picture.neverDisconnect { return hold(picture, .protected) }
            if let protection = picture.protection { return hold(picture, protection.reason) }
            if picture.isNoticePending, wanted.reason == .exhausted { return hold(picture, .protected) }
        }
        return wanted
    }

    private static func hold(_ picture: SupplyPicture, _ reason: SupplyReason) -> SupplyDecision {
        SupplyDecision(picture.current, reason, isHeld: true)
    }

    /// Steps 2 and 4 to 7: what supply should be if nothing held it.
    private static func wanted(_ picture: SupplyPicture) -> SupplyDecision {
        switch picture.order {
        case .forceOn: return SupplyDecision(.connected, .forceOn)
        case .forceOff: return SupplyDecision(.disconnected, .forceOff)
        case .disconnect: return SupplyDecision(.disconnected, .order)
        case .none: break
        }
        switch picture.mode {
        case .credit: return SupplyDecision(.connected, .creditMode)
        // A unit that is not in use is not switched.
        case .factory: return hold(picture, .notEnabled)
        case .prepayment: break
        }
        if picture.isUsable { return withCredit(picture) }
        if picture.returnsForFriendlyPeriod, picture.current != .connected,
            let protection = picture.protection, protection.reason == .friendlyPeriod
        {
            return back(picture, .friendlyPeriod)
        }
        return SupplyDecision(.disconnected, .exhausted)
    }

    private static func withCredit(_ picture: SupplyPicture) -> SupplyDecision {
        let reason: SupplyReason = picture.isOnEmergencyCredit ? .emergencyCredit : .credit
        if picture.current == .connected { return SupplyDecision(.connected, reason) }
        if picture.restore == .debtCleared, !picture.isDebtCleared {
            return SupplyDecision(.disconnected, .exhausted)
        }
        return back(picture, reason)
    }

    /// Supply that was cut comes back: by itself, or by the customer's hand.
    private static func back(_ picture: SupplyPicture, _ reason: SupplyReason) -> SupplyDecision {
        picture.reconnect == .automatic || picture.isCustomerReady
            ? SupplyDecision(.connected, reason) : SupplyDecision(.armed, .armedWait)
    }
}
