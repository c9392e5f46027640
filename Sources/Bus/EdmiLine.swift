import Drivers
import Metering

/// EDMI exchanges on one wire. Used on the port's thread only.
final class EdmiLine {
    private let wire: Wire
    private var reader = EdmiFrameReader()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 16)
    /// Until when the late answer to a plain frame nobody answered may come, and on which opening of the wire.
    private var lateUntil: Int64 = 0
    private var lateGeneration = 0

    init(wire: Wire) { self.wire = wire }

    deinit { buffer.deallocate() }

    /// Sends the frame and waits for its reply, as often as the exchange allows.
    func run(_ exchange: EdmiExchange) throws(WireFault) -> BusOutcome {
        try awaitLate()
        var failure = BusFailure.timeout
        var sentAt: Int64 = 0
        for _ in 0..<max(1, min(exchange.tries, 5)) {
            reader.reset()
            guard try wire.holdSilence(max(0, exchange.turnaround)) else { return .failed(.badFrame) }
            sentAt = try wire.write(exchange.wire)
            wire.tap.sent(exchange.wire)
            switch try receive(exchange, until: sentAt + exchange.timeout) {
            case .success(let body): return .edmi(body)
            case .failure(.timeout): break
            case .failure(let damage): failure = damage
            }
            wire.tap.endOfPieces()
        }
        if exchange.expectation == .plain, failure == .timeout {
            lateUntil = sentAt + 2 * exchange.timeout
            lateGeneration = wire.generation
        }
        return .failed(failure)
    }

    private func receive(
        _ exchange: EdmiExchange, until deadline: Int64
    ) throws(WireFault) -> Result<[UInt8], BusFailure> {
        var damage: BusFailure?
        while true {
            // Between frames the meter may think as long as it is allowed to; inside one, or after a damaged one that
            // may have been the reply, silence is the end.
            let isBroken = reader.isInsideFrame || damage != nil
            let limit = isBroken ? min(deadline, wire.lastByteAt + exchange.interCharacter) : deadline
            guard try wire.waitReadable(until: limit) else {
                return .failure(damage ?? (reader.isInsideFrame ? .badFrame : .timeout))
            }
            let count = try wire.read(into: buffer)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            wire.tap.receivedPiece(bytes)
            if let reply = take(bytes, exchange, &damage) { return .success(reply) }
        }
    }

    /// The reply among what these bytes complete; frames of others are skipped.
    private func take(
        _ bytes: UnsafeRawBufferPointer, _ exchange: EdmiExchange, _ damage: inout BusFailure?
    ) -> [UInt8]? {
        var reply: [UInt8]?
        var failure: BusFailure?
        reader.feed(bytes.bindMemory(to: UInt8.self)) { event in
            switch event {
            case .frame(let body):
                if reply == nil, case .mine = exchange.match(body) { reply = body }
            case .damaged(.badChecksum): failure = .badChecksum
            case .damaged: failure = failure ?? .badFrame
            }
        }
        damage = failure ?? damage
        return reply
    }

    /// A plain reply does not say which question it answers: after a meter stayed silent, the next question waits until
    /// the answer to the last one has come late or cannot come any more.
    private func awaitLate() throws(WireFault) {
        guard lateGeneration == wire.generation else { return }
        if wire.now() < lateUntil, try wire.waitReadable(until: lateUntil) { try wire.settle() }
        lateUntil = 0
    }
}
