import Drivers
import Metering

/// Plays a capture: answers each request it finds there with the recorded reply, and stays silent to every other. A
/// request that was recorded several times gets its replies in their order, and the last one from then on.
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
    private var tracks: [Track] = []
    private var reader = EdmiFrameReader()
    private var splitter: ModbusRequestSplitter

    public init(_ capture: Capture) {
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
            guard let inner = reply(to: Self.question(body)) else { continue }
            let envelope = EdmiEnvelope(body: body)
            sent += EdmiFrame.encode(envelope.map { $0.reply(inner).body } ?? inner)
        }
        return sent
    }

    private static func question(_ body: [UInt8]) -> Question {
        let envelope = EdmiEnvelope(body: body)
        return Question(destination: envelope?.destination, bytes: withoutPassword(envelope?.inner ?? body))
    }

    /// Of a log-in only the user counts: captures hold no passwords.
    private static func withoutPassword(_ inner: [UInt8]) -> [UInt8] {
        guard inner.first == UInt8(ascii: "L"), let comma = inner.firstIndex(of: UInt8(ascii: ",")) else { return inner }
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
            guard let reply = reply(to: question(frame)) else { continue }
            sent += wire == .modbusTCP ? Array(frame.prefix(2)) + reply : reply
        }
        return sent
    }

    private func question(_ frame: [UInt8]) -> Question { Question(bytes: withoutTransaction(frame)) }

    private func withoutTransaction(_ frame: [UInt8]) -> [UInt8] {
        wire == .modbusTCP ? Array(frame.dropFirst(2)) : frame
    }
}
