import Metering

/// What the daemon asks the agent about itself.
extension Agent {
    /// The box's id; empty while unconfigured.
    public var boxID: String { configuration.box.id }

    /// Kids that were revoked, and stay so.
    public var revokedKeys: [String] { desk.ring.revoked }
}

extension GatewayConfiguration {
    /// A box without a configuration file: only a scan works.
    public static let unconfigured = GatewayConfiguration(
        box: BoxSettings(
            id: "", version: "", intervalMinutes: 5, clockFromHost: false, builtAt: WallTime(milliseconds: 0),
            hasMqtt: false, unconfigured: true),
        ports: [], meters: [])
}
