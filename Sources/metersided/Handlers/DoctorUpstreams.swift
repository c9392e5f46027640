import Metering

/// What `doctor` says of the upstream systems.
extension MainLoop {
    func upstreamFindings() -> [Finding] {
        guard let upstreams else { return [] }
        return upstreams.settings.names.map { name in
            let parked = upstreams.runner.history.parked.filter { $0.system == name }
            if upstreams.runner.isRefused(name) {
                return Finding(
                    name: "upstream \(name)", state: .fault, message: "\(name) does not let us in",
                    hint: "look at the key and the account; put a new key into its file and reload")
            }
            if let last = parked.last {
                return Finding(
                    name: "upstream \(name)", state: .warning,
                    message: "\(parked.count) refused for good; the last: \(last.code): \(last.detail)",
                    hint: "see `meterside outbox show`; mend the cause, then `meterside outbox retry`")
            }
            return Finding(name: "upstream \(name)", state: .ok, message: "nothing is wrong that is known")
        }
    }
}
