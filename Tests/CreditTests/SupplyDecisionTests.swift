import Metering
import Testing

@testable import Credit

/// The decision against the rules of design §7, written down here a second time as a table in their order.
@Suite struct SupplyDecisionTests {
    typealias Change = @Sendable (inout SupplyPicture) -> Void

    /// Every condition with every value that is not the plain one.
    static let conditions: [(name: String, values: [Change])] = [
        (
            "doubts",
            [
                SupplyDoubts.notEnabled, .safeState, .journalFault, .clockUntrusted, .wrongMeter, .dataStale,
                .readingUnconfirmed, [.dataStale, .clockUntrusted], [.readingUnconfirmed, .wrongMeter],
            ].map { doubts in { $0.doubts = doubts } }
        ),
        ("order", SupplyPicture.Order.allCases.dropFirst().map { order in { $0.order = order } }),
        ("mode", [OperationalMode.credit, .factory].map { mode in { $0.mode = mode } }),
        ("never_disconnect", [{ $0.neverDisconnect = true }]),
        (
            "protection",
            [SupplyReason.friendlyPeriod, .specialDay].map { reason in
                { $0.protection = Protection(reason: reason, until: WallTime(seconds: 1)) }
            }
        ),
        ("returns", [{ $0.returnsForFriendlyPeriod = true }]),
        ("exhausted", [{ $0.isUsable = false }]),
        ("emergency", [{ $0.isOnEmergencyCredit = true }]),
        ("debts", [{ $0.isDebtCleared = false }]),
        ("reconnect", [{ $0.reconnect = .automatic }]),
        ("restore", [{ $0.restore = .debtCleared }]),
        ("ready", [{ $0.isCustomerReady = true }]),
        ("notice", [{ $0.isNoticePending = true }]),
        ("dwell", [{ $0.isDwelling = true }]),
        ("limit", [{ $0.isLimitReached = true }]),
    ]

    /// What each rule wants, in order; the first that wants anything wins. Holding is what the later rules are asked
    /// for first: a rule that holds only moves in one direction needs to know which move it would be.
    static func expected(_ picture: SupplyPicture) -> SupplyDecision {
        let aim = aim(picture)
        let isMove = aim.state != picture.current
        let isUp = isMove && (picture.current == .disconnected || aim.state == .connected)
        let rows: [(Bool, SupplyReason)] = [
            (picture.doubts.contains(.notEnabled) && !isUp, .notEnabled),
            (picture.doubts.contains(.safeState) && !isUp, .journalFault),
            (picture.doubts.contains(.journalFault) && !isUp, .journalFault),
            (picture.doubts.contains(.clockUntrusted) && !isUp, .clockUntrusted),
            (picture.doubts.contains(.wrongMeter) && !isUp, .wrongMeter),
            (picture.doubts.contains(.dataStale) && !isUp, .dataStale),
            (picture.doubts.contains(.readingUnconfirmed) && !isUp, .readingUnconfirmed),
            (picture.isDwelling && isMove && [aim.state, picture.current].contains(.connected), .dwell),
            (picture.isLimitReached && isMove && [aim.state, picture.current].contains(.connected), .switchLimit),
            (picture.neverDisconnect && isMove && !isUp, .protected),
            (picture.protection?.reason == .friendlyPeriod && isMove && !isUp, .friendlyPeriod),
            (picture.protection?.reason == .specialDay && isMove && !isUp, .specialDay),
            (picture.isNoticePending && isMove && !isUp && aim.reason == .exhausted, .protected),
        ]
        if let row = rows.first(where: \.0) { return SupplyDecision(picture.current, row.1, isHeld: true) }
        return aim
    }

    private static func aim(_ picture: SupplyPicture) -> SupplyDecision {
        let isOff = picture.current != .connected
        let closed: SupplyState =
            picture.reconnect == .automatic || picture.isCustomerReady || !isOff ? .connected : .armed
        let credit: SupplyReason = picture.isOnEmergencyCredit ? .emergencyCredit : .credit
        let mayReturn = picture.restore == .usableCredit || picture.isDebtCleared || !isOff
        let returns = picture.returnsForFriendlyPeriod && isOff && picture.protection?.reason == .friendlyPeriod
        let isPrepaid = picture.mode == .prepayment
        let rows: [(Bool, SupplyDecision)] = [
            (picture.order == .forceOn, SupplyDecision(.connected, .forceOn)),
            (picture.order == .forceOff, SupplyDecision(.disconnected, .forceOff)),
            (picture.order == .disconnect, SupplyDecision(.disconnected, .order)),
            (picture.mode == .factory, SupplyDecision(picture.current, .notEnabled, isHeld: true)),
            (picture.mode == .credit, SupplyDecision(.connected, .creditMode)),
            (isPrepaid && picture.isUsable && mayReturn && closed == .armed, SupplyDecision(.armed, .armedWait)),
            (isPrepaid && picture.isUsable && mayReturn, SupplyDecision(.connected, credit)),
            (picture.isUsable, SupplyDecision(.disconnected, .exhausted)),
            (returns && closed == .armed, SupplyDecision(.armed, .armedWait)),
            (returns, SupplyDecision(.connected, .friendlyPeriod)),
        ]
        return rows.first(where: \.0)?.1 ?? SupplyDecision(.disconnected, .exhausted)
    }

    @Test(arguments: SupplyState.allCases)
    func decide_everyPairOfConditions(current: SupplyState) {
        var count = 0
        // Each pair on a plain picture, and on one without credit.
        for isUsable in [true, false] {
            for (place, first) in Self.conditions.enumerated() {
                for second in Self.conditions[place...] {
                    for one in first.values {
                        for other in second.values {
                            var picture = SupplyPicture(current: current)
                            picture.isUsable = isUsable
                            one(&picture)
                            other(&picture)
                            let made = SupplyDecision.decide(picture)
                            #expect(made == Self.expected(picture), "\(first.name), \(second.name): \(picture)")
                            count += 1
                        }
                    }
                }
            }
        }
        #expect(count > 700)
    }

    /// Three at a time, for what must never happen.
    @Test func decide_neverOpensInDoubtOrProtectedTime() {
        let all = Self.conditions.flatMap(\.values)
        for current in SupplyState.allCases {
            for one in all {
                for other in all {
                    for third in all {
                        var picture = SupplyPicture(current: current)
                        one(&picture)
                        other(&picture)
                        third(&picture)
                        let decision = SupplyDecision.decide(picture)
                        if decision != Self.expected(picture) { Issue.record("\(decision) of \(picture)") }
                        guard decision.state < current else { continue }
                        let mayOpen =
                            picture.doubts.isEmpty && !picture.neverDisconnect && picture.protection == nil
                            && (current == .armed || !picture.isDwelling && !picture.isLimitReached)
                            && [.exhausted, .forceOff, .order].contains(decision.reason)
                            && (picture.order != .none || picture.mode == .prepayment)
                        #expect(mayOpen, "\(decision) of \(picture)")
                    }
                }
            }
        }
    }

    @Test(arguments: [
        (SupplyState.connected, true, SupplyState.connected, SupplyReason.credit),
        (.armed, true, .armed, .armedWait), (.disconnected, true, .armed, .armedWait),
        (.connected, false, .disconnected, .exhausted), (.armed, false, .disconnected, .exhausted),
        (.disconnected, false, .disconnected, .exhausted),
    ])
    func decide_plainPictures(current: SupplyState, isUsable: Bool, state: SupplyState, reason: SupplyReason) {
        var picture = SupplyPicture(current: current)
        picture.isUsable = isUsable
        #expect(SupplyDecision.decide(picture) == SupplyDecision(state, reason))
    }

    @Test func plainPicture_isThatOfACreditedUnitWithoutOrders() {
        let picture = SupplyPicture(current: .armed)
        #expect(picture.current == .armed && picture.doubts.isEmpty && picture.order == .none)
        #expect(picture.mode == .prepayment && picture.protection == nil)
        #expect(picture.isUsable && picture.isDebtCleared)
        let flags = [
            picture.neverDisconnect, picture.returnsForFriendlyPeriod, picture.isOnEmergencyCredit,
            picture.isCustomerReady, picture.isNoticePending, picture.isDwelling, picture.isLimitReached,
        ]
        #expect(!flags.contains(true))
        #expect(picture.reconnect == .button && picture.restore == .usableCredit)
    }

    /// Supply that is on without credit in a friendly period is held, and not "come back".
    @Test func friendlyPeriod_holdsWhatIsOn_alsoWhereSupplyComesBackForIt() {
        var picture = SupplyPicture(current: .connected)
        picture.isUsable = false
        picture.returnsForFriendlyPeriod = true
        picture.reconnect = .automatic
        picture.protection = Protection(reason: .friendlyPeriod, until: WallTime(seconds: 1))
        #expect(SupplyDecision.decide(picture) == SupplyDecision(.connected, .friendlyPeriod, isHeld: true))
        picture.current = .disconnected
        #expect(SupplyDecision.decide(picture) == SupplyDecision(.connected, .friendlyPeriod))
    }

    @Test func decide_connectsInDoubt_whenCreditedOrForcedOn() {
        var picture = SupplyPicture(current: .disconnected)
        picture.doubts = [.clockUntrusted, .notEnabled, .dataStale]
        #expect(SupplyDecision.decide(picture) == SupplyDecision(.armed, .armedWait))
        picture.order = .forceOn
        #expect(SupplyDecision.decide(picture) == SupplyDecision(.connected, .forceOn))
        picture.isDwelling = true
        #expect(SupplyDecision.decide(picture) == SupplyDecision(.disconnected, .dwell, isHeld: true))
    }

    @Test func reasons_areTheWordsOfTheDesign() {
        let words = """
            credit exhausted emergency_credit force_on force_off order friendly_period special_day protected \
            credit_mode not_enabled clock_untrusted reading_unconfirmed data_stale wrong_meter journal_fault dwell \
            switch_limit armed_wait test
            """
        #expect(SupplyReason.allCases.map(\.rawValue).joined(separator: " ") == words)
        for reason in SupplyReason.allCases { #expect(!reason.words.isEmpty) }
    }
}
