import Gateway
import Metering
import Upstream

/// The calls of the control socket, `noun.verb` of the command line.
extension UpstreamService {
    /// How long `reposit validate --wait` asks, seconds.
    private static let longestWait: Int64 = 900

    func repositCall(_ verb: String, _ given: JSONObject, token: UInt64) {
        let waiter = Waiter.call(token) { .object($0) }
        if verb == "status" { return finish(waiter, commissioningStatus) }
        guard runner.has(RepositSystem.name) else {
            return fail(waiter, UpstreamRunner.notConfigured(RepositSystem.name))
        }
        do throws(UpstreamFault) {
            let work = try repositWork(verb, given)
            if given["confirm"]?.bool == true {
                let settlement = runner.confirm(RepositSystem.name, work)
                carryOutAll()
                return whenDurable { [weak self] in self?.finish(waiter, settlement) }
            }
            let isPatient = given["wait"]?.bool == true
            attend(
                freshID("cli"), RepositSystem.name, work, waiter, seconds: isPatient ? Self.longestWait : 120,
                patient: isPatient, again: given["again"]?.bool == true)
        } catch {
            fail(waiter, error)
        }
    }

    func redexCall(_ verb: String, _ given: JSONObject, token: UInt64) {
        guard runner.has(RedexSystem.name) else {
            return fail(.call(token) { .object($0) }, UpstreamRunner.notConfigured(RedexSystem.name))
        }
        switch verb {
        case "devices":
            fetch(
                "devices", id: freshID("cli"), refresh: given["refresh"]?.bool == true,
                .call(token) { [weak self] in self?.devicesAnswer($0) ?? .null })
        case "brands":
            var args = JSONObject()
            args["code"] = given["code"]
            fetch(
                "brands", args, id: freshID("cli"), refresh: given["refresh"]?.bool == true,
                .call(token) { .object(["brands": $0["items"] ?? []]) })
        default:
            if let year = given["year"]?.integer { return submitYear(year, given, token: token) }
            if given["submit"]?.bool == true { submitGeneration(again: true) }
            finish(.call(token) { .object($0) }, generationAnswer().object ?? [:])
        }
    }

    /// One year by month of one inverter, from the intervals of the journal: for what was before the daily uploads.
    private func submitYear(_ year: Int64, _ given: JSONObject, token: UInt64) {
        let waiter = Waiter.call(token) { .object($0) }
        let inverters = settings.redex?.inverters ?? []
        guard let inverter = inverters.first(where: { $0.remoteID == given["inverter"]?.string }) ?? inverters.first,
            given["inverter"] == nil || inverter.remoteID == given["inverter"]?.string
        else {
            return fail(
                waiter, UpstreamFault("usage", "there is no such inverter", hint: "see `meterside redex devices`"))
        }
        let work = UpstreamWork(
            "generation_monthly",
            [
                "remote_id": .string(inverter.remoteID), "year": .integer(year),
                "months": .array(months(of: inverter, year: year).map { JSONValue($0) }),
            ])
        guard given["submit"]?.bool == true else { return finish(waiter, work.args) }
        attend(freshID("cli"), RedexSystem.name, work, waiter, again: given["again"]?.bool == true)
    }
}
