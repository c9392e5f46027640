import Control
import Gateway
import Metering

/// `config check|show|reload`, and SIGHUP.
extension MainLoop {
    func handleConfiguration(_ call: ControlCall) -> Input? {
        switch call.method {
        case "config.check":
            let file = call.parameters.string("file") ?? options.configuration
            var faults: [SettingsFault] = []
            do throws(ConfigurationReader.Refusal) { _ = try reader(of: file).read() } catch { faults = error.faults }
            server.answer(call.token, ["ok": .bool(faults.isEmpty), "faults": .array(faults.map(\.json))])
        case "config.show":
            guard let configuration else {
                server.fail(
                    call.token, code: "unconfigured", message: "this box has no configuration yet",
                    hint: "write \(options.configuration)")
                return nil
            }
            server.answer(
                call.token,
                [
                    "file": .string(options.configuration), "text": .string(configuration.text),
                    "sections": .array(configuration.sections.map(JSONValue.string)),
                ])
        default:
            return reload(token: call.token)
        }
        return nil
    }

    /// Loads the configuration file whole, or keeps the one in force.
    func reload(token: UInt64?) -> Input? {
        do {
            let fresh = try reader(of: options.configuration).read()
            guard let old = configuration else { return adopt(fresh, token: token) }
            guard old.gateway.box.id == fresh.gateway.box.id else {
                refuse(token, "the configuration names another box; restart metersided to take it up")
                return nil
            }
            let keys = KeyRing.merge(folder: fresh.keys, journal: try journal?.keysAdded() ?? [])
            configuration = fresh
            displays.use(fresh.displays)
            startHan()
            startUpstreams()
            restart(mqtt: old.mqtt != fresh.mqtt, ports: fresh.ports, before: old.ports)
            log.notice("the configuration was loaded again")
            if let token { server.answer(token, ["ok": true]) }
            return .reconfigure(fresh.gateway, keys: keys)
        } catch let refusal as ConfigurationReader.Refusal {
            refuse(token, refusal.faults.map(\.description).joined(separator: "\n"))
        } catch {
            refuse(token, "\(error)")
        }
        return nil
    }

    private func refuse(_ token: UInt64?, _ message: String) {
        log.error("the configuration was not loaded; the old one stays in force: \(message)")
        if let token {
            server.fail(
                token, code: "config", message: message, hint: "mend the file and reload; the old one is in force")
        }
    }

    private func reader(of file: String) -> ConfigurationReader {
        ConfigurationReader(
            file: file,
            models: ModelLibrary(
                share: ShareFolder.find(options.share), configurationFolder: FilePath.folder(of: file)))
    }
}

extension SettingsFault {
    /// `{file, line, key, message}`
    var json: JSONValue {
        ["file": .string(file), "line": .integer(Int64(line)), "key": .string(key), "message": .string(message)]
    }
}
