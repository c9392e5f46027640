import Drivers
import Metering

extension BusBudget {
    /// Millionths of the wire's time that looking at buttons and switches takes; orders are too rare to count.
    static func supplyShare(of port: PortID, line: LineSettings, in configuration: GatewayConfiguration) -> Int64 {
        // One bit: 8 bytes out and 6 back, and the silence after each (reference/modbus-rtu.md §3).
        let exchange = 14 * line.nanosecondsPerCharacter / 1000 + 2 * line.frameSilence
        let buttons = configuration.units.count { $0.buttons?.port == port }
        var looks: Int64 = 0
        for loadSwitch in configuration.switches {
            guard case .modbusCoil(port, _, _, let feedback) = loadSwitch.driver else { continue }
            looks += feedback == nil ? 1 : 2
        }
        return exchange * (Int64(buttons) * (1_000_000 / ButtonWatch.interval) + looks * 1_000_000 / LoadSwitch.watch)
    }
}
