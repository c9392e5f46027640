import Drivers
import Metering

/// A frame of a capture in words.
struct DecodedFrame: Equatable {
    var microseconds: Int64
    var direction: CaptureFrame.Direction
    /// Bytes on the wire.
    var length: Int
    var meaning: String
    var isDamaged: Bool

    var json: JSONValue {
        [
            "us": .integer(microseconds), "dir": .string(direction.rawValue), "bytes": .integer(Int64(length)),
            "damaged": .bool(isDamaged), "meaning": .string(meaning),
        ]
    }
}

/// Says what the frames of a capture mean.
enum CaptureReading {
    static func read(_ capture: Capture) -> [DecodedFrame] {
        var decoded: [DecodedFrame] = []
        var sent = EdmiFrameReader()
        var received = EdmiFrameReader()
        var asked: ModbusQuestion?
        for frame in capture.frames {
            func add(_ meaning: String, length: Int, damaged: Bool = false) {
                decoded.append(
                    DecodedFrame(
                        microseconds: frame.microseconds, direction: frame.direction, length: length,
                        meaning: meaning, isDamaged: damaged))
            }
            switch capture.wire {
            case .edmi:
                let events = frame.direction == .sent ? sent.feed(frame.bytes) : received.feed(frame.bytes)
                for event in events {
                    switch event {
                    case .frame(let body): add(EdmiWords.meaning(of: body), length: frame.bytes.count)
                    case .damaged(let error): add("damaged: \(error)", length: frame.bytes.count, damaged: true)
                    }
                }
                if events.isEmpty { add("part of a frame: \(Hex.text(frame.bytes))", length: frame.bytes.count) }
            case .modbusRTU, .modbusTCP:
                let words = ModbusWords(isTCP: capture.wire == .modbusTCP)
                switch frame.direction {
                case .sent:
                    let (meaning, question) = words.question(frame.bytes)
                    asked = question
                    add(meaning, length: frame.bytes.count, damaged: question == nil)
                case .received:
                    let (meaning, isGood) = words.answer(frame.bytes, to: asked)
                    add(meaning, length: frame.bytes.count, damaged: !isGood)
                }
            }
        }
        return decoded
    }
}

/// What a Modbus answer belongs to.
struct ModbusQuestion: Equatable {
    var unit: UnitAddress
    var transaction: UInt16
    /// Nil for functions other than reads.
    var read: ModbusRead?
}

/// Modbus frames in words.
struct ModbusWords {
    var isTCP: Bool

    /// The words, and what to compare the answer with; nil when the frame is damaged.
    func question(_ frame: [UInt8]) -> (String, ModbusQuestion?) {
        do throws(ModbusFault) {
            let question: ModbusQuestion
            let request: ModbusRequest
            if isTCP {
                let parts = try ModbusTCP.request(in: frame)
                request = parts.request
                question = ModbusQuestion(unit: parts.unit, transaction: parts.transaction, read: Self.read(request))
            } else {
                let parts = try ModbusRTU.request(in: frame)
                request = parts.request
                question = ModbusQuestion(unit: parts.unit, transaction: 0, read: Self.read(request))
            }
            return ("unit \(question.unit.number): \(Self.words(request))", question)
        } catch {
            return (Self.words(error), nil)
        }
    }

    /// The words, and whether the frame is a proper answer (an exception is).
    func answer(_ frame: [UInt8], to question: ModbusQuestion?) -> (String, Bool) {
        guard let question, let read = question.read else { return ("unasked: \(Hex.text(frame))", false) }
        do throws(ModbusFault) {
            let registers =
                isTCP
                ? try ModbusTCP.registers(
                    in: frame, of: read, unit: question.unit, transaction: question.transaction)
                : try ModbusRTU.registers(in: frame, of: read, unit: question.unit)
            let values = registers.map { Hex.text([UInt8($0 >> 8), UInt8($0 & 0xFF)]) }.joined(separator: " ")
            return ("unit \(question.unit.number): \(values)", true)
        } catch {
            if case .exception = error { return ("unit \(question.unit.number): \(Self.words(error))", true) }
            return (Self.words(error), false)
        }
    }

    private static func read(_ request: ModbusRequest) -> ModbusRead? {
        switch request {
        case .read(let read), .bits(let read): read
        case .order(let coil, let on): .order(coil: coil, on: on)
        case .other, .malformed: nil
        }
    }

    private static func words(_ request: ModbusRequest) -> String {
        switch request {
        case .read(let read):
            let kind = read.function == 3 ? "holding" : "input"
            let address = Hex.text([UInt8(read.address >> 8), UInt8(read.address & 0xFF)])
            return "read \(read.count) \(kind) registers from 0x\(address)"
        case .bits(let read):
            return "read \(read.count) \(read.function == 1 ? "coils" : "inputs") from \(read.address)"
        case .order(let coil, let on): return "order coil \(coil) \(on ? "on" : "off")"
        case .other(let function): return "function \(function)"
        case .malformed(let function): return "function \(function) with a wrong length or count"
        }
    }

    /// Exceptions: Modbus Application Protocol v1.1b3 §7.
    private static func words(_ fault: ModbusFault) -> String {
        switch fault {
        case .badChecksum: "damaged: the checksum is wrong"
        case .wrongLength: "damaged: the length is wrong"
        case .wrongUnit(let unit): "another unit answers: \(unit)"
        case .wrongFunction(let function): "another function is answered: \(function)"
        case .wrongTransaction(let number): "the answer to another question: transaction \(number)"
        case .wrongProtocol(let number): "no Modbus: protocol identifier \(number)"
        case .exception(1): "exception 1: illegal function"
        case .exception(2): "exception 2: illegal data address"
        case .exception(3): "exception 3: illegal data value"
        case .exception(4): "exception 4: device failure"
        case .exception(5): "exception 5: acknowledge, still working"
        case .exception(6): "exception 6: busy"
        case .exception(10): "exception 10: gateway path not available"
        case .exception(11): "exception 11: gateway target does not answer"
        case .exception(let code): "exception \(code)"
        }
    }
}
