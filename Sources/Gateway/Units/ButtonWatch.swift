import Credit
import Drivers
import Metering

/// A unit's buttons: inputs that are looked at four times a second. A press is an edge that a second look confirms, so
/// that neither a bounce nor a glitch presses anything; a button that is held down, or stuck, presses once.
struct ButtonWatch: Sendable {
    /// Microseconds between looks, and until the look that confirms an edge.
    static let interval: Int64 = 250_000
    static let confirmation: Int64 = 60_000
    private static let slowest: Int64 = 10_000_000

    let settings: ButtonSettings
    private let buttons: [(input: UInt16, button: UnitButton)]
    private(set) var lookAt: Uptime
    private(set) var request: UInt64?
    private(set) var requestedAt = Uptime(microseconds: 0)
    /// As confirmed last; nil before the first look, so that nothing is pressed by a start.
    private var isOn: [Bool]?
    private var candidate: [Bool]?
    private var failures = 0

    init?(_ settings: ButtonSettings, at now: Uptime) {
        self.settings = settings
        var buttons: [(UInt16, UnitButton)] = []
        if let input = settings.emergencyCredit { buttons.append((input, .emergencyCredit)) }
        if let input = settings.arm { buttons.append((input, .arm)) }
        if let input = settings.nextPage { buttons.append((input, .nextPage)) }
        guard !buttons.isEmpty else { return nil }
        self.buttons = buttons
        lookAt = now
    }

    func isDue(at now: Uptime) -> Bool { request == nil && lookAt <= now }

    mutating func look(_ request: UInt64, at now: Uptime) -> InputsJob {
        self.request = request
        requestedAt = now
        return InputsJob(unit: settings.unit, inputs: buttons.map(\.input), timeout: 200_000)
    }

    /// The buttons that were pressed.
    mutating func take(_ outcome: BusOutcome, at now: Uptime) -> [UnitButton] {
        request = nil
        guard case .inputs(let seen) = outcome, seen.count == buttons.count else {
            // Inputs that do not answer must not keep the wire from meters.
            failures = min(failures + 1, 10)
            lookAt = now + min(Self.interval << failures, Self.slowest)
            isOn = nil
            candidate = nil
            return []
        }
        failures = 0
        lookAt = now + Self.interval
        guard let before = isOn else {
            isOn = seen
            return []
        }
        guard seen != before else {
            candidate = nil
            return []
        }
        guard candidate == seen else {
            candidate = seen
            lookAt = now + Self.confirmation
            return []
        }
        candidate = nil
        isOn = seen
        return buttons.indices.filter { seen[$0] && !before[$0] }.map { buttons[$0].button }
    }

    /// Gives up an answer that does not come.
    mutating func expire(at now: Uptime) {
        if request != nil, now - requestedAt >= LoadSwitch.longestAnswer { portDown() }
    }

    mutating func portDown() {
        request = nil
        isOn = nil
        candidate = nil
    }
}
