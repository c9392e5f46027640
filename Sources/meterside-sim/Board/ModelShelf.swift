import Drivers
import Metering
import Simulator
import Toml

/// The meter models of the board, from the same files the daemon reads.
struct ModelShelf {
    private var models: [(name: String, model: MeterModel)] = []

    /// Loads the models that `plan` names.
    init(share: String, plan: BoardPlan) throws(SimulatorFailure) {
        for meter in plan.ports.flatMap(\.meters) where self[meter.model] == nil {
            models.append((meter.model, try Self.load(meter.model, from: "\(share)/meters/\(meter.model).toml")))
        }
    }

    private static func load(_ name: String, from path: String) throws(SimulatorFailure) -> MeterModel {
        let node: SettingsNode
        do throws(SettingsFault) {
            node = try Toml.readFile(path)
        } catch {
            throw .file(error.description)
        }
        switch ModelReader.read(node, name: name, file: path, requiresProof: false) {
        case .success(let model): return model
        case .failure(let refusal): throw .file(refusal.faults.map(\.description).joined(separator: "\n"))
        }
    }

    subscript(name: String) -> MeterModel? { models.first { $0.name == name }?.model }

    /// The folder that holds `meters/`: as given, of an installed system, or `hardware/` above this executable.
    static func findShare(_ option: String?) throws(SimulatorFailure) -> String {
        if let option { return option }
        if Folder.exists("/usr/share/meterside/meters") { return "/usr/share/meterside" }
        var folder = Folder.ofExecutable() ?? "."
        for _ in 0..<8 {
            if Folder.exists(folder + "/hardware/meters") { return folder + "/hardware" }
            guard folder != "/", folder != "." else { break }
            folder = Folder.parent(of: folder)
        }
        throw .missing(
            "the folder of meter models was not found; give it with --share (it is hardware/ of the checkout)")
    }
}
