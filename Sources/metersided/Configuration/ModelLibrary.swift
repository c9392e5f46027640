import Drivers
import Metering
import Toml

/// The meter models that can be named: those that ship, and those of `meters.d` beside the configuration, which add
/// to them or take their place.
final class ModelLibrary {
    private let shipped: String
    private let local: String
    private var loaded: [(name: String, model: MeterModel?)] = []
    /// What was wrong in the files that were read.
    private(set) var faults: [SettingsFault] = []

    /// `share` holds `meters/`; `configurationFolder` may hold `meters.d/`.
    init(share: String?, configurationFolder: String?) {
        shipped = share.map { $0 + "/meters" } ?? ""
        local = configurationFolder.map { $0 + "/meters.d" } ?? ""
    }

    /// Names of all models, sorted.
    var names: [String] {
        let files = FilePath.names(in: shipped, endingIn: ".toml") + FilePath.names(in: local, endingIn: ".toml")
        return Set(files).sorted().map { String($0.dropLast(5)) }
    }

    /// Every model whose file is sound: what a scan tries.
    var all: [MeterModel] { names.compactMap { model($0) } }

    /// Loads a model once; nil when there is no such file or it was refused (see `faults`).
    func model(_ name: String) -> MeterModel? {
        if let known = loaded.first(where: { $0.name == name }) { return known.model }
        let own = "\(local)/\(name).toml"
        let isOwn = FilePath.isReadable(own)
        let path = isOwn ? own : "\(shipped)/\(name).toml"
        guard isOwn || FilePath.isReadable(path) else { return nil }
        var model: MeterModel?
        do throws(SettingsFault) {
            let tree = try Toml.readFile(path)
            switch ModelReader.read(tree, name: name, file: path, requiresProof: !isOwn) {
            case .success(let read): model = read
            case .failure(let refusal): faults += refusal.faults
            }
        } catch {
            faults.append(error)
        }
        loaded.append((name, model))
        return model
    }
}
