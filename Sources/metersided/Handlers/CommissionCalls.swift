import Control
import Gateway
import Journal
import Metering

/// `commission.note` and `commission.show`: the steps of commissioning are records of the journal.
extension MainLoop {
    /// One `commissioning` record; answered with its number when it is durable.
    func noteCommissioning(_ call: ControlCall) -> Input? {
        var data: JSONObject = [
            "step": .string(call.parameters.string("step") ?? ""),
            "state": .string(call.parameters.string("state") ?? ""),
        ]
        for (name, value) in call.parameters.object("data")?.members ?? [] where data[name] == nil {
            data[name] = value
        }
        guard JSONWriter.compact(.object(data)).count <= 32 << 10 else {
            server.fail(
                call.token, code: "too_large", message: "a step's record may have 32 KiB", hint: "note less of it")
            return nil
        }
        return .request(.commissionNote(data), token: call.token)
    }

    /// Every `commissioning` record, oldest first; at most the newest 1000.
    func showCommissioning(_ call: ControlCall, _ journal: JournalStore) throws(JournalError) {
        let records = try journal.events(kinds: [.commissioning], limit: 1000)
        server.answer(call.token, ["box": .string(agent.boxID), "records": .array(records.map(\.json))])
    }

    /// Takes up the first configuration of a box: opens its journal and starts what it names.
    func adopt(_ fresh: DaemonConfiguration, token: UInt64?) -> Input? {
        do throws(StartFault) {
            guard !options.changesTime || fresh.board == "simulated" else { throw .scaledTime }
            let opened = try OpenedJournal(folder: options.state, configuration: fresh)
            for scan in adHocPorts {
                server.fail(scan.token, code: "busy", message: "the box was configured meanwhile", hint: "scan again")
                bus.close(scan.id)
            }
            adHocPorts = []
            begin(fresh, opened)
        } catch {
            if let token {
                server.fail(token, code: "config", message: error.message, hint: "the box stays unconfigured")
            }
            log.error("the first configuration was not taken up: \(error.message)")
            return nil
        }
        log.notice("the box is configured: \(fresh.gateway.box.id)")
        if let token { server.answer(token, ["ok": true]) }
        return .wake
    }
}
