import Metering

extension ModelProof {
    /// What the recorded bytes become on `model`, in the order of its rows. Throws why they become nothing.
    ///
    /// A Modbus proof is one RTU read and its answer, an EDMI proof one plain or addressed frame of `R` or `M` and its
    /// reply; every check of the live decoders applies.
    public func replay(on model: MeterModel) throws(ProofFault) -> [ProofReading] {
        model.dialect.isEdmi ? try EdmiProof(self, model).readings() : try replayModbus(on: model)
    }

    /// Why the proof does not hold on `model`, in words; nil when it does. The readings must be those of exactly the
    /// rows that the request asks for.
    public func fault(on model: MeterModel) -> String? {
        let found: [ProofReading]
        do {
            found = try replay(on: model)
        } catch {
            return error.message
        }
        for reading in found {
            guard let wanted = readings.first(where: { $0.name == reading.name }) else {
                return "the bytes also hold \(reading.name) = \"\(reading.value)\"; add it to the readings"
            }
            if wanted.value != reading.value {
                return "the bytes read as \(reading.name) = \"\(reading.value)\", not \"\(wanted.value)\""
            }
        }
        for wanted in readings where !found.contains(where: { $0.name == wanted.name }) {
            return "the request does not ask for \(wanted.name); take it out of the readings"
        }
        return nil
    }

    private func replayModbus(on model: MeterModel) throws(ProofFault) -> [ProofReading] {
        let unit: UnitAddress
        let question: ModbusRequest
        do {
            (unit, question) = try ModbusRTU.request(in: request)
        } catch {
            throw ProofFault("the request is no Modbus RTU frame: \(error.text)")
        }
        guard case .read(let read) = question else {
            throw ProofFault("the request is no read of 1 to 125 registers by function 3 or 4")
        }
        guard read.count <= model.timing.maxRegisters else {
            throw ProofFault("the request asks for more registers than timing.max_registers")
        }
        let words: Result<[UInt16], BusFailure>
        do {
            words = .success(try ModbusRTU.registers(in: reply, of: read, unit: unit))
        } catch {
            guard case .exception = error else {
                throw ProofFault("the reply is no answer to the request: \(error.text)")
            }
            words = .failure(error.busFailure)
        }
        return model.registers.compactMap { row in
            guard case .modbus(read.function, let address, let type, _) = row.source, address >= read.address,
                Int(address) + Int(type.registerCount) <= Int(read.address) + Int(read.count),
                let place = ModbusPlace(row, offset: Int(address - read.address))
            else { return nil }
            let value: Result<DecimalValue, MissingValue> =
                switch words {
                case .success(let words): words.withUnsafeBufferPointer { place.value(in: $0) }
                case .failure(let failure): .failure(MissingValue(failure.noData))
                }
            return ProofReading(name: row.name, value)
        }
    }
}

extension ProofReading {
    /// A reading as a proof writes it: the decimal text, or the word of the reason why there is none.
    init(name: RegisterName, _ value: Result<DecimalValue, MissingValue>) {
        switch value {
        case .success(let number): self.init(name: name, value: number.text)
        case .failure(let missing): self.init(name: name, value: missing.reason.rawValue)
        }
    }
}

/// Why a proof's bytes become no readings.
public struct ProofFault: Error, Hashable, Sendable {
    /// For people.
    public var message: String

    init(_ message: String) { self.message = message }
}

extension ModbusFault {
    /// For people.
    public var text: String {
        switch self {
        case .badChecksum: "the checksum is wrong"
        case .wrongLength: "the length is wrong"
        case .wrongUnit(let unit): "unit \(unit) answers"
        case .wrongFunction(let function): "function \(function) is answered"
        case .wrongTransaction(let number): "transaction \(number) is answered"
        case .wrongProtocol(let number): "the protocol identifier is \(number), not 0"
        case .exception(let code): "exception \(code)"
        }
    }
}
