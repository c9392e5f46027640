import CModbus
import Drivers
import Glibc
import Metering

/// A libmodbus context on a descriptor that we opened ourselves: libmodbus has no RTU over TCP and no exclusive, RS-485
/// or odd-format serial ports, but sends and receives on any descriptor it is given.
final class ModbusContext {
    /// What one call to libmodbus gave.
    enum Received {
        /// A frame that passed libmodbus' own checks.
        case frame([UInt8])
        /// A frame with another unit address; its checksum was not looked at.
        case foreign([UInt8])
        /// What came before the time was over or the frame proved wrong.
        case damaged([UInt8], BusFailure)
        /// An error number of the wire.
        case lost(Int32)
    }

    private static let longestFrame = 260
    /// Fills the buffer first: libmodbus does not say how much it had received when it gives up.
    private static let unread: UInt8 = 0xA5

    private let context: OpaquePointer
    private let isTcp: Bool

    /// Nil when there is no memory.
    init?(tcp: Bool) {
        // Never connected by libmodbus: device, speed, host and port here mean nothing.
        let made = tcp ? modbus_new_tcp_pi("localhost", "502") : modbus_new_rtu("/dev/null", 9600, 0x4E, 8, 1)
        guard let made else { return nil }
        context = made
        isTcp = tcp
        // With a byte time-out libmodbus bounds only the first byte, and a dribbling meter could hold the port for
        // minutes.
        modbus_set_byte_timeout(context, 0, 0)
        modbus_set_error_recovery(context, MODBUS_ERROR_RECOVERY_NONE)
    }

    deinit { modbus_free(context) }

    /// False for a unit address that the protocol does not allow.
    func use(_ descriptor: Int32, unit: UnitAddress) -> Bool {
        modbus_set_socket(context, descriptor)
        return isTcp || modbus_set_slave(context, Int32(unit.number)) == 0
    }

    /// Sends unit, function and operands, to which libmodbus adds the checksum. Gives the error number on failure.
    func send(_ request: [UInt8]) -> Int32? {
        modbus_send_raw_request(context, request, Int32(request.count)) >= 0 ? nil : cmodbus_errno()
    }

    /// Receives one frame, all of it within so many microseconds.
    func receive(within microseconds: Int64) -> Received {
        let time = max(1000, microseconds)
        modbus_set_response_timeout(context, UInt32(clamping: time / 1_000_000), UInt32(time % 1_000_000))
        var result: Int32 = 0
        var error: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.longestFrame) { buffer, count in
            buffer.initialize(repeating: Self.unread)
            result = modbus_receive_confirmation(context, buffer.baseAddress)
            error = result < 0 ? cmodbus_errno() : 0
            count = result > 0 ? Int(result) : (buffer.lastIndex { $0 != Self.unread } ?? -1) + 1
        }
        if result > 0 { return .frame(bytes) }
        if result == 0 { return .foreign(bytes) }
        switch error {
        case Self.badChecksum: return .damaged(bytes, .badChecksum)
        case ETIMEDOUT, EAGAIN, EINTR: return .damaged(bytes, .badChecksum)
        case Self.badData, Self.badSlave: return .damaged(bytes, .badFrame)
        default: return .lost(error == ECONNRESET ? 0 : error)
        }
    }

    // libmodbus numbers its own errors above all of the system's; the header's sums are not imported.
    private static let badChecksum = MODBUS_ENOBASE + 12
    private static let badData = MODBUS_ENOBASE + 13
    private static let badSlave = MODBUS_ENOBASE + 17
}
