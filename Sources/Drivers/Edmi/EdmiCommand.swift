import Metering

/// An inner command: the same bytes plain and inside an envelope (reference/edmi.md §3, §4, §6).
public struct EdmiCommand: Hashable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]
    /// What a reply that carries data begins with; empty where only ACK or CAN may come.
    public let echo: [UInt8]
    /// True where the echo does not tell one such command from another. On a plain line a late reply to the one could
    /// then pass for the reply to the next, so it is never repeated blindly.
    let isAmbiguous: Bool
    /// A write: it is put on the wire once, and never again without being asked for.
    let isOnce: Bool
    /// Bytes of reply expected, for the time-out.
    let replyLength: Int
    private let label: String

    init(
        _ bytes: [UInt8], echo: [UInt8], isAmbiguous: Bool = false, isOnce: Bool = false, replyLength: Int = 32,
        label: String
    ) {
        self.bytes = bytes
        self.echo = echo
        self.isAmbiguous = isAmbiguous
        self.isOnce = isOnce
        self.replyLength = replyLength
        self.label = label
    }

    /// What it does, without secrets.
    public var description: String { label }

    /// Nothing: the empty frame, "enter command line" after an ESC.
    public static let attention = EdmiCommand([], echo: [], label: "attention")

    /// `L` user `,` password NUL.
    public static func login(user: String, password: Secret) -> EdmiCommand {
        var bytes: [UInt8] = [0x4C]
        bytes.append(contentsOf: user.utf8)
        bytes.append(UInt8(ascii: ","))
        bytes.append(contentsOf: password.bytes)
        bytes.append(0)
        return EdmiCommand(bytes, echo: [], isAmbiguous: true, label: "log in as \(user)")
    }

    /// `X`, the end of a session.
    public static let exit = EdmiCommand([0x58], echo: [], label: "log off")

    /// `R`: one register of the 16-bit space.
    public static func read(_ address: UInt16) -> EdmiCommand { registerCommand(0x52, address, label: "read") }

    /// `M`: one register of the 32-bit space.
    public static func readLong(_ address: UInt32) -> EdmiCommand { registerCommand(0x4D, address, label: "read") }

    /// `I`: type, unit and description of a register of the 16-bit space.
    public static func describe(_ address: UInt16) -> EdmiCommand { registerCommand(0x49, address, label: "describe") }

    /// `O`: type, unit and description of a register of the 32-bit space.
    public static func describeLong(_ address: UInt32) -> EdmiCommand {
        registerCommand(0x4F, address, label: "describe")
    }

    /// `M` + FFF0 (one status for all) or FFF1 (a status each): several registers of the 32-bit space.
    public static func readMany(_ addresses: [UInt32], statusEach: Bool) -> EdmiCommand {
        let echo: [UInt8] = [0x4D, 0x00, 0x00, 0xFF, statusEach ? 0xF1 : 0xF0]
        var bytes = echo
        for address in addresses { bytes.appendBigEndian(address) }
        return EdmiCommand(
            bytes, echo: echo, isAmbiguous: true, replyLength: 16 + 10 * addresses.count,
            label: "read \(addresses.count) registers")
    }

    /// `W` F03D, or `N` 0000F03D where `long`: sets the clock, in the meter's own standard time. Nil for a time that
    /// the meter cannot hold.
    public static func setClock(_ time: CivilTime, long: Bool = false) -> EdmiCommand? {
        guard let encoded = EdmiTime.bytes(time) else { return nil }
        let register: [UInt8] = long ? [0x4E, 0x00, 0x00, 0xF0, 0x3D] : [0x57, 0xF0, 0x3D]
        return EdmiCommand(register + encoded, echo: [], isAmbiguous: true, isOnce: true, label: "set the clock")
    }

    private static func registerCommand<Address: FixedWidthInteger>(
        _ letter: UInt8, _ address: Address, label: String
    ) -> EdmiCommand {
        var bytes: [UInt8] = [letter]
        bytes.appendBigEndian(address)
        return EdmiCommand(
            bytes, echo: bytes, replyLength: 64, label: "\(label) \(String(address, radix: 16, uppercase: true))")
    }
}
