import Drivers
import Metering

/// The HAN in the agent: its adapter's events, its commands, and the register it is compared with.
extension Agent {
    /// Makes the link anew where `[han]` changed; what the journal says of the binding stays.
    mutating func installHan(turn: inout Turn) {
        guard han?.settings != configuration.han else { return }
        if let new = configuration.han, new.device == han?.settings.device {
            han?.reconfigure(new, turn: &turn)
            return
        }
        let record = han.map { $0.record(what: "bind", was: nil) } ?? recovered.han
        // Also for a [han] that is taken out and comes back later.
        recovered.han = record
        han = configuration.han.map { HanLink($0, record: record, at: turn.moment) }
    }

    mutating func take(_ event: HanEvent, turn: inout Turn) {
        let revenue = hanRevenue
        han?.take(event, revenue: revenue, turn: &turn)
    }

    /// The newest confirmed import register of the meter that `[han]` names.
    private var hanRevenue: HanRevenue? {
        guard let serial = han?.settings.meter,
            let meter = meters.first(where: { $0.settings.serial == serial }),
            let index = meter.kept.firstIndex(where: { $0.channel == .importWh }),
            let point = meter.confirmations[index].usable
        else { return nil }
        return HanRevenue(point: point, step: meter.kept[index].limit.quantum)
    }

    /// Lets time pass for the HAN, and tells the desk which of its commands came to an end.
    mutating func runHan(turn: inout Turn) {
        han?.wake(turn: &turn)
        for (id, result) in han?.takeFinished() ?? [] { desk.finish(id, result, turn: &turn) }
    }

    /// An upstream system's answer: to a bind of the HAN, or to a command that the desk itself sent on.
    mutating func takeUpstream(
        _ id: String, _ result: Result<JSONValue, ControlFailure>, turn: inout Turn
    ) {
        if han?.takeUpstream(id: id, result, turn: &turn) == true { return }
        desk.finish(upstream: id, result, turn: &turn)
    }

    /// Nil when the end is told later.
    mutating func carryOutHan(_ order: Order, turn: inout Turn) -> Result<Outcome, Refusal>? {
        guard han != nil else {
            return .failure(
                Refusal(code: .unsupported, detail: "no_han", message: "this box has no [han] in its configuration"))
        }
        do throws(Refusal) {
            let args = order.claims.args
            let outcome =
                switch order.spec.name {
                case "han_bind": try han?.bind(id: order.id, args: args, turn: &turn)
                case "han_unbind": try han?.unbind(id: order.id, turn: &turn)
                default: han?.bindStatus(at: turn.moment)
                }
            return outcome.map { .success($0) }
        } catch {
            return .failure(error)
        }
    }

    /// `han status`.
    func hanStatus(turn: Turn) -> Result<JSONValue, ControlFailure> {
        guard let han else {
            return .failure(
                ControlFailure(
                    code: "unsupported", message: "this box has no HAN adapter configured",
                    hint: "add [han] with device, meter and install_code_file to the configuration"))
        }
        return .success(han.statusJSON(at: turn.moment))
    }
}
