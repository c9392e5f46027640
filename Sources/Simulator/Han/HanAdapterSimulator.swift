import Drivers
import Metering

/// A RAVEn adapter as a value: bytes of commands in, fragments out; it joins by itself once the utility lets it, as
/// real ones do. Whoever serves it brings the bytes and the time.
public struct HanAdapterSimulator: Sendable {
    public let settings: HanAdapterSettings
    /// The utility has given address and install code to the meter.
    public private(set) var isAllowed = false
    /// What is printed as `Status`.
    public private(set) var status = "Initializing"
    /// A text from the utility; empty for none.
    public var message = ""
    private var isConfirmed = false
    public private(set) var faults = HanAdapterFaults()
    private var splitter = HanSplitter()
    private var nextStep: Uptime?
    private var nextDemand: Uptime?
    private var nextSummation: Uptime?
    private var schedules: [(event: String, seconds: UInt64, isEnabled: Bool)] = [
        ("time", 900, true), ("price", 120, true), ("demand", 15, true), ("summation", 60, true),
        ("message", 120, true),
    ]
    /// What drift has added so far, and from where it counts on, milliwatt-hours.
    private var drifted: Int64 = 0
    private var driftFrom: Int64?
    private var fragments = 0

    public init(_ settings: HanAdapterSettings, at moment: Moment) {
        self.settings = settings
        nextStep = moment.uptime + settings.joinStep
    }

    /// When it says or does something by itself.
    public var nextWake: Uptime? { [nextStep, nextDemand, nextSummation].compactMap(\.self).min() }

    public var isConnected: Bool { status == "Connected" }

    // MARK: What people do

    /// The utility lets the adapter in, or takes it off the meter.
    public mutating func setAllowed(_ isAllowed: Bool, at moment: Moment) -> [UInt8] {
        self.isAllowed = isAllowed
        if !isAllowed, isConnected { return enter("Disconnected", at: moment) }
        if isAllowed, nextStep == nil { nextStep = moment.uptime + settings.joinStep }
        return []
    }

    /// The radio loses the meter for a while.
    public mutating func lose(at moment: Moment) -> [UInt8] {
        guard isConnected else { return [] }
        return enter("Disconnected", at: moment)
    }

    /// Things go wrong, or well again, from now on.
    public mutating func setFaults(_ new: HanAdapterFaults, at moment: Moment) {
        let counted = settings.load.imported(at: moment.wall)
        drifted = drift(at: counted)
        driftFrom = counted
        faults = new
    }

    // MARK: Time

    /// What it says unasked by now.
    public mutating func advance(at moment: Moment) -> [UInt8] {
        var bytes: [UInt8] = []
        if let due = nextStep, due <= moment.uptime {
            nextStep = nil
            bytes += step(at: moment)
        }
        if let due = nextDemand, due <= moment.uptime {
            nextDemand = moment.uptime + settings.demandInterval
            bytes += print(demand(at: moment.wall))
        }
        if let due = nextSummation, due <= moment.uptime {
            nextSummation = moment.uptime + settings.summationInterval
            bytes += print(summation(at: moment.wall))
        }
        return faults.isSilent ? [] : bytes
    }

    private mutating func step(at moment: Moment) -> [UInt8] {
        switch status {
        case "Initializing", "Authenticating: Fail", "Join: Fail": return enter("Network Discovery", at: moment)
        case "Network Discovery": return isAllowed ? enter("Joining", at: moment) : []
        case "Joining": return enter(isAllowed ? "Join: Success" : "Join: Fail", at: moment)
        case "Join: Success": return enter("Authenticating", at: moment)
        case "Authenticating":
            let isWell = isAllowed && !faults.hasWrongCode
            return enter(isWell ? "Authenticating: Success" : "Authenticating: Fail", at: moment)
        case "Authenticating: Success": return enter("Connected", at: moment)
        case "Disconnected": return enter("Rejoining", at: moment)
        case "Rejoining": return enter(isAllowed ? "Connected" : "Network Discovery", at: moment)
        default: return []
        }
    }

    private mutating func enter(_ new: String, at moment: Moment) -> [UInt8] {
        status = new
        let waits = new == "Connected" || new == "Network Discovery" && !isAllowed
        nextStep = waits ? nil : moment.uptime + settings.joinStep
        nextDemand = isConnected && settings.demandInterval > 0 ? moment.uptime + settings.joinStep : nil
        nextSummation = isConnected && settings.summationInterval > 0 ? moment.uptime + settings.joinStep : nil
        return faults.isSilent ? [] : print(connection("ConnectionStatus"))
    }

    // MARK: Commands

    /// Takes bytes of commands and gives what is answered.
    public mutating func receive(_ bytes: [UInt8], at moment: Moment) -> [UInt8] {
        var answer: [UInt8] = []
        for piece in splitter.feed(bytes) {
            guard case .element(let command) = piece, command.name == "Command" else { continue }
            answer += carryOut(command, at: moment)
        }
        return faults.isSilent ? [] : answer
    }

    private mutating func carryOut(_ command: HanElement, at moment: Moment) -> [UInt8] {
        switch HanCommand.Name(rawValue: command.text("Name") ?? "") {
        case .connectionStatus: return print(connection("ConnectionStatus"))
        case .networkInfo: return print(connection("NetworkInfo"))
        case .deviceInfo: return print(device)
        case .meterList: return print(meterList)
        case .meterInfo: return print(meterInfo)
        case .time: return print(time(at: moment.wall))
        case .demand: return print(demand(at: moment.wall))
        case .summation: return print(summation(at: moment.wall))
        case .price: return print(price(at: moment.wall))
        case .message: return print(message(at: moment.wall))
        case .confirmMessage:
            isConfirmed = true
            return []
        case .schedule:
            let wanted = command.text("Event")
            return schedules.filter { wanted == nil || $0.event == wanted }.flatMap { print(schedule($0)) }
        case .setSchedule: return setSchedule(command)
        case .factoryReset:
            isAllowed = false
            return enter("Initializing", at: moment)
        case .initialize, .restart: return enter("Initializing", at: moment)
        case .setMeterInfo, .setScheduleDefault, .setPrice, .closePeriod, .fastPoll: return []
        case .currentPeriod, .lastPeriod, .profile, nil:
            return print(HanElement(name: "Warning", children: [.init(name: "Text", text: "Unknown command")]))
        }
    }

    private mutating func setSchedule(_ command: HanElement) -> [UInt8] {
        guard let index = schedules.firstIndex(where: { $0.event == command.text("Event") }) else { return [] }
        if let seconds = command.text("Frequency").flatMap({ HanNumber($0) }) {
            schedules[index].seconds = seconds.value
        }
        schedules[index].isEnabled = command.text("Enabled") != "N"
        return []
    }

    // MARK: Registers

    /// The HAN's import register, milliwatt-hours.
    func imported(at time: WallTime) -> Int64 {
        let counted = settings.load.imported(at: time)
        return counted + drift(at: counted)
    }

    private func drift(at counted: Int64) -> Int64 {
        drifted + (counted - (driftFrom ?? counted)) / 1000 * faults.driftPerMille
    }

    // MARK: Printing

    private mutating func print(_ element: HanElement) -> [UInt8] {
        fragments += 1
        return HanAdapterText.bytes(element, number: fragments, isBroken: faults.isBroken)
    }

    func schedule(_ row: (event: String, seconds: UInt64, isEnabled: Bool)) -> HanElement {
        HanElement(
            name: "ScheduleInfo",
            children: heads + [
                .init(name: "Event", text: row.event),
                .init(name: "Frequency", text: HanAdapterText.hex(row.seconds, 4)),
                .init(name: "Enabled", text: row.isEnabled ? "Y" : "N"),
            ])
    }

    func message(at time: WallTime) -> HanElement {
        HanElement(
            name: "MessageCluster",
            children: heads + [
                .init(name: "TimeStamp", text: HanAdapterText.time(time)), .init(name: "Id", text: "0x0000002A"),
                .init(name: "Text", text: message), .init(name: "Priority", text: "Low"),
                .init(name: "ConfirmationRequired", text: message.isEmpty ? "N" : "Y"),
                .init(name: "Confirmed", text: isConfirmed ? "Y" : "N"), .init(name: "Queue", text: "Active"),
            ])
    }
}
