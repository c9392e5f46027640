import Drivers
import Metering
import Testing

@testable import meterside

/// Capture files, and what their frames mean.
@Suite struct CaptureTests {
    private static let header =
        #"{"meterside_capture":1,"port":"a","protocol":"edmi","line":"9600 8N1","at":"2026-03-02T07:30:00.000Z"}"#

    private static func capture(_ wire: CaptureProtocol, _ frames: [(CaptureFrame.Direction, String)]) -> Capture {
        Capture(
            port: "a", wire: wire,
            frames: frames.enumerated().map { index, frame in
                CaptureFrame(
                    microseconds: Int64(index) * 1000, direction: frame.0,
                    bytes: CaptureFrame.bytes(hex: frame.1.filter { $0 != " " }) ?? [])
            })
    }

    private static func meanings(_ wire: CaptureProtocol, _ frames: [(CaptureFrame.Direction, String)]) -> [String] {
        CaptureReading.read(capture(wire, frames)).map { ($0.isDamaged ? "! " : "") + $0.meaning }
    }

    @Test func file_isReadAsItIsWritten() throws {
        let capture = Capture(
            port: "a", wire: .edmi, line: LineSettings(baud: 9600, format: .eightNone1),
            at: WallTime(text: "2026-03-02T07:30:00Z"),
            frames: [
                CaptureFrame(microseconds: 0, direction: .sent, bytes: [0x1B, 0x02, 0x03]),
                CaptureFrame(microseconds: 10_430, direction: .received, bytes: [0x02, 0x06, 0x06, 0xA4, 0x03]),
            ])
        let text =
            Self.header + "\n" + #"{"us":0,"dir":"tx","hex":"1b0203"}"# + "\n"
            + #"{"us":10430,"dir":"rx","hex":"020606a403"}"# + "\n"
        #expect(capture.text == text)
        #expect(try Capture.read(Array(text.utf8)) == capture)
    }

    @Test func file_whenCutOff_losesOnlyTheLastLine() throws {
        let text = Self.header + "\n" + #"{"us":0,"dir":"tx","hex":"1b0203"}"# + "\n" + #"{"us":10430,"di"#
        #expect(try Capture.read(Array(text.utf8)).frames.count == 1)
        let empty = Capture(port: "b", wire: .modbusTCP)
        #expect(try Capture.read(Array(empty.text.utf8)) == empty)
    }

    @Test(arguments: [
        ("", 1, "empty"), ("\n", 1, "empty"), ("hello\n", 1, "JSON"), ("[]\n", 1, "object"),
        ("{}\n", 1, "meterside_capture"),
        (#"{"meterside_capture":1,"protocol":"dlms"}"# + "\n", 1, "modbus-rtu"),
        (#"{"meterside_capture":1,"protocol":"edmi","line":"fast"}"# + "\n", 1, "9600 8N1"),
        (header + "\n{\"us\":-1,\"dir\":\"tx\",\"hex\":\"00\"}\n", 2, "us"),
        (header + "\n{\"us\":1,\"dir\":\"up\",\"hex\":\"00\"}\n", 2, "dir"),
        (header + "\n{\"us\":1,\"dir\":\"tx\",\"hex\":\"0\"}\n", 2, "hex"),
        (header + "\n{\"us\":1,\"dir\":\"tx\",\"hex\":\"\"}\n", 2, "hex"),
        (
            header + "\n\n{\"us\":5,\"dir\":\"tx\",\"hex\":\"00\"}\n{\"us\":4,\"dir\":\"tx\",\"hex\":\"00\"}\n", 4,
            "backwards"
        ),
    ])
    func file_whenBroken_isRefusedWithItsLine(text: String, line: Int, word: String) {
        do {
            _ = try Capture.read(Array(text.utf8))
            Issue.record("it was read")
        } catch {
            #expect(error.line == line)
            #expect(error.problem.contains(word), "\(error)")
        }
    }

    @Test func replay_decodesEdmi() {
        let meanings = Self.meanings(
            .edmi,
            [
                (.sent, "1B 02 03"), (.received, "02 06 06 A4 03"),
                (.sent, "02 4C 45 44 4D 49 2C 49 4D 44 45 49 4D 44 45 00 D9 69 03"),
                (.sent, "02 52 F0 10 42 EE 45 03"), (.sent, "02 49 E0 00 7E E6 03"),
                (.received, "02 49 E0 00 46 56 00 72 09 03"),
                (.sent, "02 4D 00 00 00 69 46 DD 03"),
                (.received, "02 4D 00 00 00 69 41 67 8C 29 DC CC CC CD 56 56 03"),
                (.received, "02 45 00 00 00 01 0C F0 43 56 00 10 42 52 E0 00 43 66 80 00 EC 74 03"),
                (.received, "02 18 09 75 93 03"), (.received, "02 18 09 75 94 03"), (.sent, "02 58 BD 9F 03"),
            ])
        #expect(
            meanings == [
                "attention", "ACK", "log in as EDMI", "read F002", "describe E000", "E000 is type F, unit V ",
                "read 00000069", "00000069 = 41678c29dccccccd (double 12345678.9)",
                "217072470>1 #2 E000 = 43668000 (float 230.5)", "refused: not logged in (9)",
                "! damaged: the checksum is wrong: look at wiring, baud rate and termination", "log off",
            ])
    }

    @Test func replay_showsNoPassword() {
        let frames = [(CaptureFrame.Direction.sent, "02 4C 45 44 4D 49 2C 49 4D 44 45 49 4D 44 45 00 D9 69 03")]
        #expect(!Self.meanings(.edmi, frames).joined().contains("IMDE"))
    }

    @Test func replay_joinsPiecesOfAFrame() {
        let meanings = Self.meanings(.edmi, [(.received, "02 06"), (.received, "06 A4 03")])
        #expect(meanings == ["part of a frame: 0206", "ACK"])
    }

    @Test func replay_decodesModbus() {
        let read = ModbusRead(function: 4, address: 0x0048, count: 2)
        let unit = UnitAddress(1)
        let question = Hex.text(ModbusRTU.request(read, unit: unit))
        let answer = Hex.text(ModbusRTU.answer(.registers([0x4366, 0x8000]), function: 4, unit: unit))
        let refusal = Hex.text(ModbusRTU.answer(.exception(2), function: 4, unit: unit))
        let meanings = Self.meanings(
            .modbusRTU,
            [
                (.received, answer), (.sent, question), (.received, answer), (.sent, question), (.received, refusal),
                (.received, "00" + answer), (.sent, "0102"),
            ])
        #expect(
            meanings == [
                "! unasked: \(answer)", "unit 1: read 2 input registers from 0x0048", "unit 1: 4366 8000",
                "unit 1: read 2 input registers from 0x0048", "unit 1: exception 2: illegal data address",
                "! damaged: the checksum is wrong", "! damaged: the length is wrong",
            ])
        let wrapped = Hex.text(ModbusTCP.request(read, unit: unit, transaction: 7))
        let reply = Hex.text(ModbusTCP.answer(.registers([1, 2]), function: 4, unit: unit, transaction: 7))
        #expect(
            Self.meanings(.modbusTCP, [(.sent, wrapped), (.received, reply)]) == [
                "unit 1: read 2 input registers from 0x0048", "unit 1: 0001 0002",
            ])
    }

    @Test func replay_linesFitEightyColumns() throws {
        let capture = try Capture.read(
            Array(
                (Self.header + "\n" + #"{"us":1234567,"dir":"rx","hex":"02180975940302180975940302180975"}"# + "\n")
                    .utf8))
        let lines = ReplayCommand.lines(capture, CaptureReading.read(capture), colour: false)
        #expect(lines[0] == "port a  edmi  9600 8N1  2026-03-02 07:30:00Z")
        #expect(lines[3].hasPrefix("1.234567  rx      16  damaged: the checksum is wrong"))
        #expect(lines.last == "2 frames, 2 damaged")
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func recorder_countsTimeFromTheFirstFrame() throws {
        var recorder = CaptureRecorder(port: "a")
        var lines = recorder.lines(of: [
            "started": ["protocol": "modbus-rtu", "line": "19200 8E1", "at": "2026-03-02T07:30:00.000Z"]
        ])
        lines += recorder.lines(of: ["frame": ["us": 5_000_100, "dir": "tx", "hex": "0103"]])
        lines += recorder.lines(of: ["frame": ["us": 5_002_100, "dir": "rx", "hex": "0183"]])
        lines += recorder.lines(of: ["frame": ["us": 1, "dir": "sideways", "hex": "01"]])
        let capture = try Capture.read(Array(lines.map { $0 + "\n" }.joined().utf8))
        #expect(capture.wire == .modbusRTU && capture.line?.text == "19200 8E1")
        #expect(capture.frames.map(\.microseconds) == [0, 2000])
        #expect(recorder.frames == 2)
    }
}
