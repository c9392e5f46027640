import Bus
import Drivers
import Gateway
import Metering

/// `[han]` as the daemon needs it.
struct HanEntry: Equatable {
    var device: String
    var meter: MeterSerial?
    /// From a file that only its owner can read; it leaves the process in one request only, to the utility.
    var installCode: InstallCode?
}

/// `[han]`: the adapter of the home area network.
struct HanSection {
    let folder: String
    let meters: KnownMeters
    let ports: [PortEntry]

    func read(_ table: SettingsReader) -> HanEntry? {
        let device = table.require("device", .text())
        let meter = table.take("meter", .text(longest: 32)).flatMap { meters.serial($0, table, "meter") }
        let code = readCode(table)
        guard let device else { return nil }
        for port in ports {
            if case .serial(device, _, _) = port.bus.wire {
                table.fault(
                    "device", "\(device) is port \"\(port.id)\" already; the HAN adapter has a device of its own")
            }
        }
        return HanEntry(device: device, meter: meter, installCode: code)
    }

    private func readCode(_ table: SettingsReader) -> InstallCode? {
        guard let file = table.take("install_code_file", .text()) else { return nil }
        do throws(SecretFault) {
            let secret = try SecretFile.read(file, in: folder)
            do throws(InstallCodeFault) { return try InstallCode(text: secret.bytes) } catch {
                table.fault("install_code_file", error.description)
            }
        } catch {
            table.fault("install_code_file", error.description)
        }
        return nil
    }
}

extension HanEntry {
    /// What the agent needs to know of it.
    func settings(hasPowerBox: Bool) -> HanSettings {
        HanSettings(device: device, meter: meter, hasInstallCode: installCode != nil, hasPowerBox: hasPowerBox)
    }
}
