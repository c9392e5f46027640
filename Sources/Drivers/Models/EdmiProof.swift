import Metering

/// Replays the proof of an EDMI model: one `R` or `M` and its reply, plain or in 'E' frames.
struct EdmiProof {
    /// The serial number, which every EDMI meter has at F002 as text.
    private static let serial: (name: RegisterName, address: UInt32) = (RegisterName("serial"), 0xF002)

    private let proof: ModelProof
    private let model: MeterModel

    init(_ proof: ModelProof, _ model: MeterModel) {
        self.proof = proof
        self.model = model
    }

    /// The readings in the order of the request.
    func readings() throws(ProofFault) -> [ProofReading] {
        let (command, reply) = try inner()
        let question = try Question(command)
        let wanted = try question.addresses.map { (address) throws(ProofFault) in try register(at: address) }
        guard let answer = EdmiReply(inner: reply) else { throw ProofFault("the reply is neither data, ACK nor CAN") }
        switch answer {
        case .acknowledge:
            throw ProofFault("the reply is an ACK, which holds no reading")
        case .refusal(let refusal):
            return wanted.map { ProofReading(name: $0.name, value: refusal.noData.rawValue) }
        case .data(let bytes):
            guard bytes.starts(with: question.echo) else {
                throw ProofFault("the reply does not repeat the command it answers")
            }
            return try values(bytes[question.echo.count...], wanted, question)
        }
    }

    /// Command and reply without frame and envelope; the reply must be the one that belongs to the command.
    private func inner() throws(ProofFault) -> (command: [UInt8], reply: [UInt8]) {
        let request: [UInt8]
        let reply: [UInt8]
        do {
            request = try EdmiFrame.decode(proof.request)
        } catch {
            throw ProofFault("the request is no EDMI frame: \(error)")
        }
        do {
            reply = try EdmiFrame.decode(proof.reply)
        } catch {
            throw ProofFault("the reply is no EDMI frame: \(error)")
        }
        var expectation = EdmiExpectation.plain
        var command = request
        if let envelope = EdmiEnvelope(body: request) {
            expectation = .addressed(
                meter: envelope.destination, master: envelope.source, sequence: envelope.sequence)
            command = envelope.inner
        }
        guard case .mine(let inner) = expectation.accepts(reply) else {
            throw ProofFault("the reply belongs to another command or another meter")
        }
        return (command, inner)
    }

    private func values(
        _ data: ArraySlice<UInt8>, _ wanted: [(name: RegisterName, row: ModelRegister?)], _ question: Question
    ) throws(ProofFault) -> [ProofReading] {
        var rest = data
        var readings: [ProofReading] = []
        for (name, row) in wanted {
            if question.hasStatusEach {
                guard let status = rest.popFirst() else { throw ProofFault("the reply ends before \(name)") }
                if status != 0 {
                    readings.append(
                        ProofReading(name: name, value: EdmiRefusal(code: status).noData.rawValue))
                    continue
                }
            }
            let type = try type(of: name, row)
            // A reply to a single read ends with its frame, and its size decides between float and double.
            let length =
                wanted.count == 1 && !question.hasStatusEach
                ? rest.count : EdmiValue.length(of: type, in: rest, narrow: false)
            guard let length, length <= rest.count, let value = EdmiValue(type, rest.prefix(length)) else {
                throw ProofFault("the reply does not hold a value of type \(type.letter) for \(name)")
            }
            rest = rest.dropFirst(length)
            readings.append(try reading(name, row, value))
        }
        guard rest.isEmpty else { throw ProofFault("the reply has \(rest.count) bytes too many") }
        return readings
    }

    private func reading(
        _ name: RegisterName, _ row: ModelRegister?, _ value: EdmiValue
    ) throws(ProofFault) -> ProofReading {
        switch value {
        case .number(let number):
            guard let row, let scaled = number.roundedProduct(row.scale) else { break }
            return ProofReading(name: name, value: scaled.text)
        case .text(let text):
            if row == nil { return ProofReading(name: name, value: text) }
        case .none:
            return ProofReading(name: name, value: NoData.invalid.rawValue)
        case .time, .timeOfDay, .bytes:
            break
        }
        throw ProofFault("the reply for \(name) is no number")
    }

    private func register(at address: UInt32) throws(ProofFault) -> (name: RegisterName, row: ModelRegister?) {
        if address == Self.serial.address { return (Self.serial.name, nil) }
        for row in model.registers {
            if case .edmi(address, _) = row.source { return (row.name, row) }
        }
        let text = String(address, radix: 16, uppercase: true)
        throw ProofFault("the request asks for register \(text), which no [[register]] has")
    }

    private func type(of name: RegisterName, _ row: ModelRegister?) throws(ProofFault) -> EdmiType {
        guard let row else { return .string }
        guard case .edmi(_, let type?) = row.source else {
            throw ProofFault("\(name) has no type, so its bytes prove nothing; write type = \"…\" in its row")
        }
        return type
    }

    /// What a read command asks for.
    private struct Question {
        var addresses: [UInt32] = []
        /// What the reply begins with.
        var echo: [UInt8]
        var hasStatusEach = false

        init(_ command: [UInt8]) throws(ProofFault) {
            let operands = command.dropFirst()
            switch (command.first, operands.count) {
            case (0x52, 2):
                addresses = [UInt32(operands.bigEndian(at: 0) as UInt16)]
                echo = command
            case (0x4D, 4):
                addresses = [operands.bigEndian(at: 0)]
                echo = command
            case (0x4D, 8...) where operands.count % 4 == 0:
                let kind: UInt32 = operands.bigEndian(at: 0)
                guard kind == 0xFFF0 || kind == 0xFFF1 else { throw Self.noRead }
                hasStatusEach = kind == 0xFFF1
                echo = Array(command[..<5])
                for offset in stride(from: 4, to: operands.count, by: 4) {
                    addresses.append(operands.bigEndian(at: offset))
                }
            default:
                throw Self.noRead
            }
        }

        private static let noRead = ProofFault("the request is no register read (R, M, M FFF0 or M FFF1)")
    }
}

extension EdmiType {
    fileprivate var letter: String { String(Unicode.Scalar(rawValue)) }
}
