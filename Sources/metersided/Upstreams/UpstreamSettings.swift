import Intervals
import Metering
import Upstream

/// The sections `[upstream.…]` that are there, checked.
struct UpstreamSettings {
    var reposit: Reposit?
    var redex: Redex?
    var powerbox: PowerBoxSystem?
    var ropo: Ropo?

    struct Reposit {
        var system: RepositSystem
        /// Which meter of a three-phase board names the site: `grid` or `sga`; the vendor's page does not say.
        var siteRole: String
    }

    struct Redex {
        var system: RedexSystem
        /// Generation is only sent where this is said.
        var submits: Bool
        var inverters: [Inverter]
    }

    /// `[[upstream.redex.inverter]]`
    struct Inverter: Equatable {
        var remoteID: String
        var serial: String
        var brand: String
        /// Watts.
        var capacity: Int64
        var meter: MeterSerial
        /// Where the meter counts what the inverter makes.
        var channel: Channel
    }

    struct Ropo {
        var system: RopoSystem
        /// Of the times in events; the vendor's page states none.
        var zone: ZoneRules
        /// The third status, which the vendor's page does not name.
        var notDisconnected: String
    }

    /// The configured systems.
    var systems: [any UpstreamSystem] {
        var systems: [any UpstreamSystem] = []
        if let reposit { systems.append(reposit.system) }
        if let powerbox { systems.append(powerbox) }
        if let redex { systems.append(redex.system) }
        if let ropo { systems.append(ropo.system) }
        return systems
    }

    var names: [String] { systems.map(\.name) }
}
