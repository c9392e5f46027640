import Drivers
import Metering
import Simulator
import Testing

@Suite struct CaptureResponderTests {
    private let now = WallTime(seconds: 1_800_000_000)

    private func capture(_ wire: CaptureProtocol, _ exchanges: [(sent: [UInt8], received: [UInt8])]) -> Capture {
        var frames: [CaptureFrame] = []
        for (index, exchange) in exchanges.enumerated() {
            let at = Int64(index) * 1000
            frames.append(CaptureFrame(microseconds: at, direction: .sent, bytes: exchange.sent))
            if !exchange.received.isEmpty {
                frames.append(CaptureFrame(microseconds: at + 500, direction: .received, bytes: exchange.received))
            }
        }
        return Capture(port: "a", wire: wire, frames: frames)
    }

    private func envelope(_ sequence: UInt16, _ inner: [UInt8], serial: UInt32 = 217_072_470) -> EdmiEnvelope {
        EdmiEnvelope(destination: serial, source: 1, sequence: sequence, inner: inner)
    }

    private func ask(_ responder: inout CaptureResponder, _ bytes: [UInt8]) -> [UInt8] {
        var faults = BoardFaults()
        return responder.receive(bytes, at: now, faults: &faults)
    }

    /// R E000 twice, 230.5 V and then 231.25 V, as sequences 2 and 3.
    private var edmi: Capture {
        let replies: [[UInt8]] = [[0x52, 0xE0, 0, 0x43, 0x66, 0x80, 0], [0x52, 0xE0, 0, 0x43, 0x67, 0x40, 0]]
        return capture(
            .edmi,
            replies.enumerated().map { index, reply in
                let question = envelope(UInt16(index + 2), [0x52, 0xE0, 0x00])
                return (EdmiFrame.encode(question.body), EdmiFrame.encode(question.reply(reply).body))
            })
    }

    @Test func receive_ofARecordedEdmiRequest_answersInOrderUnderTheNewSequence() throws {
        var responder = CaptureResponder(edmi)
        #expect(responder.requests == 1 && responder.replies == 2)
        var last: [UInt8] = []
        for (sequence, low) in [(900, 0x66), (901, 0x67), (902, 0x67)] as [(UInt16, UInt8)] {
            let reply = ask(&responder, EdmiFrame.encode(envelope(sequence, [0x52, 0xE0, 0x00]).body))
            let found = try #require(EdmiEnvelope(body: try EdmiFrame.decode(reply)))
            #expect(found.sequence == sequence && found.source == 217_072_470 && found.destination == 1)
            last = found.inner
            #expect(last[4] == low)
        }
    }

    @Test func receive_whenTheCaptureBeganAfterTheLogIn_answersLogInAndSerial() throws {
        var responder = CaptureResponder(edmi)
        let login = Array("LREADER,anything".utf8) + [0]
        let taken = try EdmiFrame.decode(ask(&responder, EdmiFrame.encode(envelope(1, login).body)))
        #expect(EdmiEnvelope(body: taken)?.inner == [0x06])
        let serial = try EdmiFrame.decode(ask(&responder, EdmiFrame.encode(envelope(2, [0x52, 0xF0, 0x02]).body)))
        #expect(EdmiEnvelope(body: serial)?.inner == [0x52, 0xF0, 0x02] + Array("217072470".utf8) + [0])
        #expect(ask(&responder, EdmiFrame.encode(envelope(1, login, serial: 5).body)) == [])
    }

    @Test func receive_ofAnUnknownRequest_isSilentOrRefused() throws {
        let unknown = EdmiFrame.encode(envelope(4, [0x52, 0xE0, 0x01]).body)
        var silent = CaptureResponder(edmi)
        #expect(ask(&silent, unknown) == [])
        var refusing = CaptureResponder(edmi, refusesUnknown: true)
        let refused = try EdmiFrame.decode(ask(&refusing, unknown))
        #expect(EdmiEnvelope(body: refused)?.inner == [0x18, 0x03])
    }

    @Test func receive_ofARedactedLogIn_takesAnyPassword() {
        let recorded = EdmiFrame.encode(Array("LEDMI,********".utf8) + [0])
        var responder = CaptureResponder(capture(.edmi, [(recorded, EdmiFrame.encode([0x06]))]))
        #expect(ask(&responder, EdmiFrame.encode(Array("LEDMI,IMDEIMDE".utf8) + [0])) == EdmiFrame.encode([0x06]))
    }

    @Test func receive_overModbus_answersUnderTheNewTransaction() throws {
        let read = ModbusRead(function: 3, address: 9001, count: 1)
        let unit = UnitAddress(33)
        let recorded = (
            sent: ModbusTCP.request(read, unit: unit, transaction: 5),
            received: ModbusTCP.answer(.registers([0x1234]), function: 3, unit: unit, transaction: 5)
        )
        var responder = CaptureResponder(capture(.modbusTCP, [recorded]), refusesUnknown: true)
        let reply = ask(&responder, ModbusTCP.request(read, unit: unit, transaction: 77))
        #expect(try ModbusTCP.registers(in: reply, of: read, unit: unit, transaction: 77) == [0x1234])
        let other = ModbusRead(function: 3, address: 1, count: 1)
        #expect(throws: ModbusFault.exception(2)) {
            _ = try ModbusTCP.registers(
                in: ask(&responder, ModbusTCP.request(other, unit: unit, transaction: 78)), of: other, unit: unit,
                transaction: 78)
        }
        #expect(ask(&responder, ModbusTCP.request(read, unit: UnitAddress(34), transaction: 79)) == [])
    }

    @Test func receive_overRTU_answersTheRecordedFrame() {
        let read = ModbusRead(function: 4, address: 0, count: 1)
        let request = ModbusRTU.request(read, unit: UnitAddress(1))
        let answer = ModbusRTU.answer(.registers([7]), function: 4, unit: UnitAddress(1))
        var responder = CaptureResponder(capture(.modbusRTU, [(request, answer)]))
        #expect(ask(&responder, request) == answer)
    }
}
