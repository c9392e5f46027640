import CLinux
import Drivers
import Glibc

/// The requested lines of one GPIO port. Used on the port's thread only.
final class GpioPins {
    private let wire: GpioWire
    private var output: (any GpioPin)?
    private var opener: (any GpioPin)?
    private var feedback: (any GpioPin)?
    private var inputs: [any GpioPin] = []

    /// Requests all lines of the port. An output keeps the level it has.
    init(_ wire: GpioWire, from host: any GpioHost) throws(WireFault) {
        self.wire = wire
        switch wire.use {
        case .contact(let contact):
            // The feedback first: without it nothing that drives is touched.
            if let line = contact.feedback { feedback = try Self.request(line, .input, wire, host) }
            let role: GpioRole = contact.opener == nil ? .outputAsIs : .outputAtRest
            output = try Self.request(contact.output, role, wire, host)
            if let line = contact.opener { opener = try Self.request(line, .outputAtRest, wire, host) }
        case .inputs(let lines):
            for line in lines { inputs.append(try Self.request(line, .input, wire, host)) }
        }
    }

    /// Gives the order, if there is one, and looks at the lines.
    func run(_ job: ContactJob) throws(WireFault) -> BusOutcome {
        guard job.place == .line, case .contact(let contact) = wire.use, let output else { return .failed(.badFrame) }
        do throws(GpioFault) {
            if let order = job.order {
                if let opener {
                    try Self.pulse(order ? output : opener, for: contact.pulse)
                } else {
                    try output.write(order)
                }
            }
            // The coils of a latching relay rest whatever the contact does.
            let level = opener == nil ? try output.read() : nil
            return .contact(ContactState(output: level, feedback: try feedback?.read()))
        } catch {
            throw Self.lost(wire, line: contact.output.name, error)
        }
    }

    /// Reads the inputs that the job names by their place.
    func run(_ job: InputsJob) throws(WireFault) -> BusOutcome {
        var states: [Bool] = []
        for place in job.inputs {
            guard inputs.indices.contains(Int(place)) else { return .failed(.badFrame) }
            do throws(GpioFault) {
                states.append(try inputs[Int(place)].read())
            } catch {
                throw Self.lost(wire, line: "\(place)", error)
            }
        }
        return .inputs(states)
    }

    /// Drives a coil for a moment, and lets go of it whatever happens.
    private static func pulse(_ coil: any GpioPin, for microseconds: Int64) throws(GpioFault) {
        try coil.write(true)
        _ = clinux_wait(-1, -1, microseconds * 1000)
        do throws(GpioFault) { try coil.write(false) } catch { try coil.write(false) }
    }

    private static func request(
        _ line: GpioLine, _ role: GpioRole, _ wire: GpioWire, _ host: any GpioHost
    ) throws(WireFault) -> any GpioPin {
        do throws(GpioFault) { return try host.request(line, of: wire.chip, as: role) } catch {
            throw lost(wire, line: line.name, error)
        }
    }

    private static func lost(_ wire: GpioWire, line: String, _ fault: GpioFault) -> WireFault {
        let chip = wire.chip
        let device = chip.hasPrefix("/") ? chip : "/dev/\(chip)"
        return switch fault {
        case .noLine: .lost("GPIO chip \(chip) has no line \(line): see `gpioinfo`")
        case .system(ENOENT), .system(ENXIO):
            .lost("there is no GPIO chip \(chip): see `gpiodetect`, and ls /dev/gpiochip*")
        case .system(EACCES), .system(EPERM):
            .lost(
                "may not use GPIO chip \(chip): add the daemon's user to the group "
                    + "\(SerialDevice.group(of: device, usual: "gpio")), which owns \(device)")
        case .system(EBUSY):
            .lost("line \(line) of GPIO chip \(chip) is used by another program or driver: see `gpioinfo`")
        case .system(let error): .lost("GPIO chip \(chip), line \(line): \(Descriptor.text(error))")
        }
    }
}
