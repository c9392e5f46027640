import Metering

/// What `doctor` says of the home area network.
extension MainLoop {
    func hanFinding() -> Finding {
        let status = ask(.hanStatus) ?? .null
        let name = "han"
        if status["adapter"] != "up" {
            return Finding(
                name: name, state: .fault, message: status["why"]?.string ?? "the adapter says nothing",
                hint: "look at [han] device, and at the adapter's plug")
        }
        if status["install_code"] == "differs" {
            return Finding(
                name: name, state: .fault, message: "install_code_file is not the code of this adapter",
                hint: "compare it with the adapter's label; `meterside han check-code` checks a code")
        }
        if status["drift"]?["drifting"] == true {
            return Finding(
                name: name, state: .fault, message: "the HAN counts other energy than the configured meter",
                hint: "see `meterside han status`; is the box bound to the meter that [han] names?")
        }
        let bind = status["bind"]?["state"]?.string ?? "unbound"
        let link = status["state"]?.string ?? "unknown"
        guard bind == "bound", link == "bound" else {
            return Finding(
                name: name, state: .warning, message: "the binding is \(bind), the radio \(link)",
                hint: bind == "unbound" ? "`meterside han bind` begins one" : "see `meterside han status`")
        }
        return Finding(name: name, state: .ok, message: "bound to \(status["han_meter"]?.string ?? "a meter")")
    }
}
