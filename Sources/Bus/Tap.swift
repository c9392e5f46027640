import Drivers
import Metering

/// Copies of the frames of one wire for `capture`, at most so many a second. Used on the port's thread only.
final class Tap {
    private static let framesPerSecond = 2000
    private static let bytesPerSecond = 512 * 1024

    private let port: PortID
    private let mailbox: Mailbox
    private let outbox: Outbox
    private let clock: any BusClock
    private var windowEnd: Int64 = 0
    private var frames = 0
    private var bytes = 0
    private var hasOverflowed = false
    /// EDMI bytes that came after the last whole frame.
    private var pieces: [UInt8] = []
    /// Whether the bytes on the wire are EDMI's now, which carry passwords.
    var isEdmi: Bool

    init(configuration: PortConfiguration, mailbox: Mailbox, outbox: Outbox, clock: any BusClock) {
        port = configuration.id
        isEdmi = configuration.protocol == .edmi
        self.mailbox = mailbox
        self.outbox = outbox
        self.clock = clock
    }

    var isOn: Bool { mailbox.isTapped }

    /// A frame of ours, just sent.
    func sent(_ frame: @autoclosure () -> [UInt8]) {
        guard isOn else { return }
        endOfPieces()
        let frame = frame()
        record(.sent, isEdmi ? PasswordMask.frame(frame) : frame)
    }

    /// A whole Modbus frame.
    func received(_ frame: @autoclosure () -> [UInt8]) {
        guard isOn else { return }
        record(.received, frame())
    }

    /// Bytes that nobody asked for.
    func receivedNoise(_ noise: UnsafeRawBufferPointer) {
        guard isOn else { return }
        if isEdmi { receivedPiece(noise) } else { record(.received, [UInt8](noise)) }
    }

    /// EDMI bytes as they come. They are recorded frame by frame, since a password must not pass in two halves.
    func receivedPiece(_ piece: UnsafeRawBufferPointer) {
        guard isOn else { return }
        for byte in piece {
            pieces.append(byte)
            if byte == PasswordMask.frameEnd || pieces.count >= EdmiFrame.limit { endOfPieces() }
        }
    }

    /// Records what came without an end.
    func endOfPieces() {
        guard !pieces.isEmpty else { return }
        let frame = PasswordMask.frame(pieces)
        pieces.removeAll(keepingCapacity: true)
        if isOn { record(.received, frame) }
    }

    private func record(_ direction: CapturedFrame.Direction, _ content: [UInt8]) {
        let at = clock.now()
        if at.uptime.microseconds >= windowEnd {
            windowEnd = at.uptime.microseconds + 1_000_000
            frames = 0
            bytes = 0
            hasOverflowed = false
        }
        guard frames < Self.framesPerSecond, bytes + content.count <= Self.bytesPerSecond else {
            if !hasOverflowed { outbox.hold(.tapOverflow(port)) }
            hasOverflowed = true
            return
        }
        frames += 1
        bytes += content.count
        outbox.hold(.frame(CapturedFrame(port: port, direction: direction, bytes: content, at: at)))
    }
}
