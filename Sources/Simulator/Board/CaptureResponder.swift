import Drivers
import Metering

/// Plays a capture: answers each request it finds there with the recorded reply, and stays silent to every other. A
/// request that was recorded several times gets its replies in their order, and the last one from then on. What every
/// EDMI session begins and ends with is answered even when the capture began in the middle of one.
public struct CaptureResponder: WireResponder {
    /// A request without what changes from one time to the next: sequence numbers, transactions, passwords.
    private struct Question: Hashable {
        var destination: UInt32?
        var bytes: [UInt8]
    }

    private struct Track {
        var question: Question
        var replies: [[UInt8]]
        var next = 0
    }

    private let wire: CaptureProtocol
    private let refusesUnknown: Bool
    private var tracks: [Track] = []
    private var reader = EdmiFrameReader()
    private var splitter: ModbusRequestSplitter

    /// `refusesUnknown`: a request that is not in the capture is refused as a meter refuses a register it does not have
    /// (EDMI CAN 3, Modbus exception 2), instead of silence.
    public init(_ capture: Capture, refusesUnknown: Bool = false) {
        self.refusesUnknown = refusesUnknown
        wire = capture.wire
        splitter = ModbusRequestSplitter(capture.wire == .modbusTCP ? .tcp : .rtu)
        switch capture.wire {
        case .edmi: recordEdmi(capture.frames)
        case .modbusRTU, .modbusTCP: recordModbus(capture.frames)
        }
    }

    /// Requests that have at least one reply.
    public var requests: Int { tracks.count }
    /// Replies in all.
    public var replies: Int { tracks.reduce(0) { $0 + $1.replies.count } }

    public mutating func receive(_ bytes: [UInt8], at time: WallTime, faults: inout BoardFaults) -> [UInt8] {
        switch wire {
        case .edmi: receiveEdmi(bytes)
        case .modbusRTU, .modbusTCP: receiveModbus(bytes)
        }
    }

    public mutating func silence() { splitter.reset() }

    private mutating func record(_ reply: [UInt8], to question: Question) {
        if let index = tracks.firstIndex(where: { $0.question == question }) {
            tracks[index].replies.append(reply)
        } else {
            tracks.append(Track(question: question, replies: [reply]))
        }
    }

    private mutating func reply(to question: Question) -> [UInt8]? {
        guard let index = tracks.firstIndex(where: { $0.question == question }) else { return nil }
        let reply = tracks[index].replies[tracks[index].next]
        tracks[index].next = min(tracks[index].next + 1, tracks[index].replies.count - 1)
        return reply
    }

    // MARK: EDMI

    private mutating func recordEdmi(_ frames: [CaptureFrame]) {
        var sent = EdmiFrameReader()
        var received = EdmiFrameReader()
        var asked: Question?
        for frame in frames {
            switch frame.direction {
            case .sent:
                for case .frame(let body) in sent.feed(frame.bytes) { asked = Self.question(body) }
            case .received:
                for case .frame(let body) in received.feed(frame.bytes) {
                    guard let question = asked else { continue }
                    record(EdmiEnvelope(body: body)?.inner ?? body, to: question)
                    asked = nil
                }
            }
        }
    }

    private mutating func receiveEdmi(_ bytes: [UInt8]) -> [UInt8] {
        var sent: [UInt8] = []
        for case .frame(let body) in reader.feed(bytes) {
            let question = Self.question(body)
            guard let inner = reply(to: question) ?? sessionReply(to: question) else { continue }
            let envelope = EdmiEnvelope(body: body)
            sent += EdmiFrame.encode(envelope.map { $0.reply(inner).body } ?? inner)
        }
        return sent
    }

    /// Attention, log-in and log-off are acknowledged, and the serial number is the address: only for a meter that is
    /// in the capture.
    private func sessionReply(to question: Question) -> [UInt8]? {
        guard tracks.contains(where: { $0.question.destination == question.destination }) else { return nil }
        switch question.bytes.first {
        case nil, UInt8(ascii: "L"), UInt8(ascii: "X"): return [0x06]
        default: break
        }
        let readsSerial = question.bytes == [0x52, 0xF0, 0x02] || question.bytes == [0x4D, 0, 0, 0xF0, 0x02]
        if readsSerial, let serial = question.destination {
            return question.bytes + Array(String(serial).utf8) + [0]
        }
        return refusesUnknown ? [0x18, 0x03] : nil
    }

    private static func question(_ body: [UInt8]) -> Question {
        let envelope = EdmiEnvelope(body: body)
        return Question(destination: envelope?.destination, bytes: withoutPassword(envelope?.inner ?? body))
    }

    /// Of a log-in only the user counts: captures hold no passwords.
    private static func withoutPassword(_ inner: [UInt8]) -> [UInt8] {
        guard inner.first == UInt8(ascii: "L"), let comma = inner.firstIndex(of: UInt8(ascii: ",")) else {
            return inner
        }
        return Array(inner[...comma])
    }

    // MARK: Modbus

    private mutating func recordModbus(_ frames: [CaptureFrame]) {
        var asked: Question?
        for frame in frames {
            switch frame.direction {
            case .sent: asked = question(frame.bytes)
            case .received:
                guard let question = asked else { continue }
                record(withoutTransaction(frame.bytes), to: question)
                asked = nil
            }
        }
    }

    private mutating func receiveModbus(_ bytes: [UInt8]) -> [UInt8] {
        var sent: [UInt8] = []
        for frame in splitter.take(bytes) {
            if let reply = reply(to: question(frame)) {
                sent += wire == .modbusTCP ? Array(frame.prefix(2)) + reply : reply
            } else if refusesUnknown {
                sent += refusal(of: frame)
            }
        }
        return sent
    }

    /// Exception 2 from a unit that is in the capture.
    private func refusal(of frame: [UInt8]) -> [UInt8] {
        if wire == .modbusTCP {
            guard let asked = try? ModbusTCP.request(in: frame), isRecorded(unit: frame[6], at: 4) else { return [] }
            return ModbusTCP.answer(
                .exception(2), function: asked.request.function, unit: asked.unit, transaction: asked.transaction)
        }
        guard let asked = try? ModbusRTU.request(in: frame), isRecorded(unit: frame[0], at: 0) else { return [] }
        return ModbusRTU.answer(.exception(2), function: asked.request.function, unit: asked.unit)
    }

    private func isRecorded(unit: UInt8, at offset: Int) -> Bool {
        tracks.contains { $0.question.bytes.count > offset && $0.question.bytes[offset] == unit }
    }

    private func question(_ frame: [UInt8]) -> Question { Question(bytes: withoutTransaction(frame)) }

    private func withoutTransaction(_ frame: [UInt8]) -> [UInt8] {
        wire == .modbusTCP ? Array(frame.dropFirst(2)) : frame
    }
}
