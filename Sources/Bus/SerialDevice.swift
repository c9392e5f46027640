import CLinux
import Drivers
import Glibc

/// Opening serial devices.
enum SerialDevice {
    /// An open device in raw mode that nobody else uses.
    struct Opened {
        var descriptor: Int32
        var note: String?
    }

    static func open(_ device: String, line: LineSettings, rs485: Bool) throws(WireFault) -> Opened {
        let descriptor = Glibc.open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .lost(refusal(of: device, errno)) }
        do throws(WireFault) {
            guard isatty(descriptor) == 1 else {
                throw WireFault.lost("\(device) is not a serial port: check the name")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw WireFault.lost(inUse(device)) }
            // Pseudo-terminals and some drivers do not know it; the lock above holds all the same.
            _ = clinux_serial_exclusive(descriptor, 1)
            try apply(line, to: descriptor, device: device)
            return Opened(descriptor: descriptor, note: rs485 ? directionNote(descriptor, device) : nil)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    static func close(_ descriptor: Int32) {
        _ = clinux_serial_exclusive(descriptor, 0)
        Glibc.close(descriptor)
    }

    /// Sets speed and format and discards what was not read yet.
    static func apply(_ line: LineSettings, to descriptor: Int32, device: String) throws(WireFault) {
        let (bits, parity, stops): (Int32, UInt8, Int32) =
            switch line.format {
            case .eightNone1: (8, UInt8(ascii: "N"), 1)
            case .eightEven1: (8, UInt8(ascii: "E"), 1)
            case .eightOdd1: (8, UInt8(ascii: "O"), 1)
            case .eightNone2: (8, UInt8(ascii: "N"), 2)
            case .sevenEven1: (7, UInt8(ascii: "E"), 1)
            }
        let result = clinux_serial_set(descriptor, UInt32(clamping: line.baud), bits, CChar(bitPattern: parity), stops)
        guard result == 0 else {
            let settings = "\(line.baud) baud \(line.format.rawValue)"
            throw .lost("\(device) does not take \(settings): \(Descriptor.text(-result))")
        }
    }

    private static func directionNote(_ descriptor: Int32, _ device: String) -> String? {
        switch clinux_serial_rs485(descriptor, 1) {
        case 1: nil
        case 0: "\(device) did not take the RS-485 setting; set rs485 = false if the adapter switches by itself"
        default: "the driver of \(device) has no RS-485 mode; set rs485 = false if the adapter switches by itself"
        }
    }

    private static func inUse(_ device: String) -> String {
        "\(device) is used by another program; stop it (ModemManager and brltty take serial adapters)"
    }

    private static func refusal(of device: String, _ error: Int32) -> String {
        switch error {
        case ENOENT: "\(device) is not there: plug the adapter in, or look for its name in /dev/serial/by-id"
        case EACCES, EPERM: "may not open \(device): add the daemon's user to the group \(group(of: device))"
        case EBUSY: inUse(device)
        case ENXIO, ENODEV, EIO: "\(device) has no device behind it: plug the adapter in again"
        default: "cannot open \(device): \(Descriptor.text(error))"
        }
    }

    /// The name of the group that owns the device, or its number; `usual` when the device cannot be seen.
    static func group(of device: String, usual: String = "dialout") -> String {
        var status = stat()
        guard stat(device, &status) == 0 else { return usual }
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var text = [CChar](repeating: 0, count: 1024)
        let result = getgrgid_r(status.st_gid, &entry, &text, text.count, &found)
        guard result == 0, found != nil, let name = entry.gr_name else { return "\(status.st_gid)" }
        return String(cString: name)
    }
}
