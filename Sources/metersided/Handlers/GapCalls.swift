import Control
import Gateway
import Metering

/// `interval.gaps`: the agent knows what it still has to fetch.
extension MainLoop {
    func gaps(_ call: ControlCall) -> Input? {
        guard let text = call.parameters.string("meter") else {
            return .request(.intervalGaps(nil), token: call.token)
        }
        guard let meter = MeterSerial(text) else {
            server.fail(
                call.token, code: "unknown_meter", message: "no meter \"\(text)\" is configured",
                hint: "see `meterside meter list`")
            return nil
        }
        return .request(.intervalGaps(meter), token: call.token)
    }
}
