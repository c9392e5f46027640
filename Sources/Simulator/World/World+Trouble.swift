import Drivers
import Gateway
import Metering

/// What happens to the box beyond its wires.
extension World {
    /// The kinds of trouble, each as often as it is asked for.
    private var kinds: [Int] {
        let counts = [
            trouble.unplugs, trouble.clockSteps, trouble.cloudOutages, trouble.restarts, trouble.silences,
            trouble.strangers, trouble.resets, trouble.forgeries,
        ]
        return counts.enumerated().flatMap { Array(repeating: $0.offset, count: max(0, $0.element)) }
    }

    /// Plans the next strike: on average as many a day as are asked for.
    mutating func planTrouble() {
        let count = Int64(kinds.count)
        guard count > 0 else { return }
        schedule(.trouble, after: chance.below(2 * 86_400_000_000 / count))
    }

    /// Nothing goes wrong from now on; what is wrong heals.
    public mutating func calm() {
        trouble = .none
        for index in wires.indices { wires[index].faults = WireFaults() }
    }

    mutating func strike() {
        let kinds = kinds
        guard !kinds.isEmpty else { return }
        let second: Int64 = 1_000_000
        switch kinds[Int(chance.below(Int64(kinds.count)))] {
        case 0: unplug(wire: Int(chance.below(Int64(wires.count))), seconds: 5 + chance.below(1200))
        case 1:
            let size = [1500, 20_000, 90_000, 3_600_000][Int(chance.below(4))]
            stepClock(milliseconds: Int64(chance.happens(perMillion: 500_000) ? size : -size))
        case 2: cutCloud(seconds: 10 + chance.below(7200))
        case 3: restart(afterSeconds: 1 + chance.below(900))
        case 4: silence(meter: anyMeter(), seconds: 30 + chance.below(1800))
        case 5:
            let meter = anyMeter()
            meters[meter].strangerUntil = clock.elapsed + (60 + chance.below(900)) * second
        case 6: meters[anyMeter()].reset(at: clock.truth)
        default:
            let size = chance.below(5_000_000) - 1_000_000
            meters[anyMeter()].forge(by: size)
        }
        planTrouble()
    }

    private mutating func anyMeter() -> Int { Int(chance.below(Int64(meters.count))) }

    /// Pulls the adapter of a wire.
    public mutating func unplug(wire: Int, seconds: Int64) {
        guard wires[wire].pluggedAt == 0 else { return }
        wires[wire].pluggedAt = clock.elapsed + seconds * 1_000_000
        tell(.portDown(wires[wire].settings.id, "the adapter is unplugged"))
        schedule(.plug(wire), after: seconds * 1_000_000)
    }

    mutating func plug(_ wire: Int) {
        wires[wire].pluggedAt = 0
        tell(.portUp(wires[wire].settings.id))
    }

    /// The wall clock jumps; the box notices by itself.
    public mutating func stepClock(milliseconds: Int64) { clock.step(by: milliseconds) }

    /// Whether the kernel disciplines the wall clock, and by how many parts per million it runs fast.
    public mutating func setClock(isSynchronised: Bool, drift: Int64) {
        clock.isSynchronised = isSynchronised
        clock.setDrift(drift)
    }

    /// The broker goes away for a while and comes back without a memory of the session.
    public mutating func cutCloud(seconds: Int64) {
        guard cloud.isConnected else { return }
        cloud.disconnect()
        cloud.forget(to: journal.acknowledged)
        tell(.mqttDisconnected("the broker is gone"))
        schedule(.connect, after: seconds * 1_000_000)
    }

    /// The process dies at once and starts again later; what is in the journal stays.
    public mutating func restart(afterSeconds seconds: Int64) {
        guard agent != nil else { return }
        agent = nil
        life += 1
        cloud.disconnect()
        schedule(.start, after: seconds * 1_000_000)
        schedule(.connect, after: (seconds + 2) * 1_000_000)
    }

    public mutating func silence(meter: Int, seconds: Int64) {
        meters[meter].silentUntil = clock.elapsed + seconds * 1_000_000
    }

    /// A meter has no power for a while.
    public mutating func darken(meter: Int, seconds: Int64) {
        let now = clock.truth
        meters[meter].darken(now...(now + seconds * 1000), until: clock.elapsed + seconds * 1_000_000)
    }

    /// Another meter is put where this one hung, with a household's registers of its own.
    public mutating func exchange(meter: Int, for settings: MeterSettings) {
        let load = HouseholdLoad(seed: chance.next(), hasSolar: meter % 2 == 1)
        meters[meter] = WorldMeter(
            settings: settings, load: load, surveyMinutes: configuration.box.intervalMinutes)
    }

    /// The operator changes the configuration file and reloads it.
    public mutating func reconfigure(_ edit: (inout GatewayConfiguration) -> Void) {
        edit(&configuration)
        tell(.reconfigure(configuration, keys: []))
    }

    public mutating func editMeter(_ index: Int, _ edit: (inout WorldMeter) -> Void) { edit(&meters[index]) }

    /// The box starts, or starts again, with what its journal holds.
    mutating func startBox() {
        life += 1
        var recovered = journal.recovered(keys: [])
        recovered.likeDays = configuration.meters.compactMap {
            journal.likeDays(of: $0, minutes: configuration.box.intervalMinutes)
        }
        agent = Agent(configuration: configuration, recovered: recovered) { _, _, _ in false }
        for wire in wires where wire.pluggedAt != 0 { tell(.portDown(wire.settings.id, "the adapter is unplugged")) }
    }

    static func configuration(
        intervalMinutes: Int, pollSeconds: Int, builtAt: WallTime
    ) -> GatewayConfiguration {
        let edmi = PortID("a")
        let modbus = PortID("b")
        let line = LineSettings(baud: 9600, format: .eightNone1)
        func meter(_ serial: String, _ model: MeterModel, _ port: PortID, _ address: UInt32) -> MeterSettings? {
            MeterSerial(serial).map { serial in
                MeterSettings(
                    serial: serial, model: model, port: port, address: address, addressed: model.dialect.isEdmi,
                    user: "READER", password: Secret(Array("READER".utf8)), pollSeconds: pollSeconds, maxAmps: 100)
            }
        }
        return GatewayConfiguration(
            box: BoxSettings(
                id: "WORLD", version: "0.0.0", intervalMinutes: intervalMinutes, clockFromHost: false,
                builtAt: builtAt, hasMqtt: true, unconfigured: false),
            ports: [
                PortSettings(id: edmi, wire: .edmi, line: line), PortSettings(id: modbus, wire: .modbus, line: line),
            ],
            meters: [
                meter("217072470", WorldModels.atlas, edmi, 217_072_470),
                meter("251308613", WorldModels.genius, edmi, 251_308_613),
                meter("19210345", WorldModels.modbus, modbus, 1), meter("19210346", WorldModels.modbus, modbus, 2),
            ].compactMap(\.self))
    }
}
