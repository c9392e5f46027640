import Metering

/// What speaks on a captured wire.
public enum CaptureProtocol: String, Hashable, Sendable, CaseIterable {
    case edmi
    case modbusRTU = "modbus-rtu"
    case modbusTCP = "modbus-tcp"
}

/// One frame of a capture, or the noise between two.
public struct CaptureFrame: Hashable, Sendable {
    /// Seen from the box.
    public enum Direction: String, Hashable, Sendable {
        case sent = "tx"
        case received = "rx"
    }

    /// Microseconds after the first frame: when it was sent, or when its last byte was read.
    public var microseconds: Int64
    public var direction: Direction
    /// As on the wire, 1…65,536 bytes.
    public var bytes: [UInt8]

    public init(microseconds: Int64, direction: Direction, bytes: [UInt8]) {
        self.microseconds = microseconds
        self.direction = direction
        self.bytes = bytes
    }

    /// Its line in a capture file, without the end.
    public var line: String {
        "{\"us\":\(microseconds),\"dir\":\"\(direction.rawValue)\",\"hex\":\"\(Self.hex(bytes))\"}"
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[index * 2] = digits[Int(byte >> 4)]
                buffer[index * 2 + 1] = digits[Int(byte & 15)]
            }
            return bytes.count * 2
        }
    }

    /// The bytes of an even number of hex digits; nil for anything else.
    public static func bytes(hex: String) -> [UInt8]? {
        let digits = Array(hex.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 48...57: digit - 48
        case 65...70: digit - 55
        case 97...102: digit - 87
        default: nil
        }
    }
}

/// A recording of what went over one wire. In a file it is JSON lines: the header, then one line a frame.
///
///     {"meterside_capture":1,"port":"a","protocol":"edmi","line":"9600 8N1","at":"2026-03-02T07:30:00.000Z"}
///     {"us":0,"dir":"tx","hex":"1b0203"}
///     {"us":10430,"dir":"rx","hex":"020606a403"}
///
/// `line` is left out for TCP, `at` (the wall clock at the start) where it is not known.
public struct Capture: Hashable, Sendable {
    public var port: String
    public var wire: CaptureProtocol
    /// Baud rate and format of a serial line.
    public var line: LineSettings?
    public var at: WallTime?
    /// In the order of their times.
    public var frames: [CaptureFrame]

    public init(
        port: String, wire: CaptureProtocol, line: LineSettings? = nil, at: WallTime? = nil,
        frames: [CaptureFrame] = []
    ) {
        self.port = port
        self.wire = wire
        self.line = line
        self.at = at
        self.frames = frames
    }

    /// The file's first line, without the end.
    public var headerLine: String {
        var header: JSONObject = [
            "meterside_capture": 1, "port": .string(port), "protocol": .string(wire.rawValue),
        ]
        header["line"] = line.map { .string($0.text) }
        header["at"] = at.map { .string($0.text) }
        return String(decoding: JSONWriter.compact(.object(header)), as: UTF8.self)
    }

    /// The whole file.
    public var text: String { ([headerLine] + frames.map(\.line)).map { $0 + "\n" }.joined() }

    /// Reads a file. A last line without its end is left out: the capture was cut off while it was written.
    public static func read(_ bytes: [UInt8]) throws(CaptureError) -> Capture {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        // What follows the last line end: nothing, or half a line.
        if lines.count > 1 { lines.removeLast() }
        guard let first = lines.first, !first.isEmpty else {
            throw CaptureError(line: 1, problem: "it is empty; is this a capture?")
        }
        var capture = try header(object(first, line: 1))
        for (index, line) in lines.enumerated().dropFirst() where !line.isEmpty {
            let frame = try frame(object(line, line: index + 1), line: index + 1)
            guard frame.microseconds >= capture.frames.last?.microseconds ?? 0 else {
                throw CaptureError(line: index + 1, problem: "\"us\" runs backwards")
            }
            capture.frames.append(frame)
        }
        return capture
    }

    private static func object(_ bytes: ArraySlice<UInt8>, line: Int) throws(CaptureError) -> JSONObject {
        do throws(JSONError) {
            if case .object(let members) = try JSONReader.read(Array(bytes)) { return members }
        } catch {
            throw CaptureError(line: line, problem: "it is no JSON: \(error)")
        }
        throw CaptureError(line: line, problem: "it is no JSON object")
    }

    private static func header(_ members: JSONObject) throws(CaptureError) -> Capture {
        guard members["meterside_capture"] == 1 else {
            throw CaptureError(line: 1, problem: "\"meterside_capture\" must be 1; is this a capture?")
        }
        guard let wire = (members["protocol"]?.string).flatMap(CaptureProtocol.init) else {
            let known = CaptureProtocol.allCases.map(\.rawValue).joined(separator: ", ")
            throw CaptureError(line: 1, problem: "\"protocol\" must be one of \(known)")
        }
        var settings: LineSettings?
        if let text = members["line"], text != .null {
            settings = text.string.flatMap(LineSettings.init(text:))
            guard settings != nil else { throw CaptureError(line: 1, problem: "\"line\" must be such as \"9600 8N1\"") }
        }
        return Capture(
            port: members["port"]?.string ?? "", wire: wire, line: settings,
            at: (members["at"]?.string).flatMap { WallTime(text: $0) })
    }

    private static func frame(_ members: JSONObject, line: Int) throws(CaptureError) -> CaptureFrame {
        guard let microseconds = members["us"]?.integer, (0...Self.longest).contains(microseconds) else {
            throw CaptureError(line: line, problem: "\"us\" must be microseconds since the first frame")
        }
        guard let direction = (members["dir"]?.string).flatMap(CaptureFrame.Direction.init) else {
            throw CaptureError(line: line, problem: "\"dir\" must be \"tx\" or \"rx\"")
        }
        guard let bytes = (members["hex"]?.string).flatMap(CaptureFrame.bytes(hex:)), (1...65_536).contains(bytes.count)
        else {
            throw CaptureError(line: line, problem: "\"hex\" must be 1 to 65536 bytes, two hex digits each")
        }
        return CaptureFrame(microseconds: microseconds, direction: direction, bytes: bytes)
    }

    /// A year: a capture that claims more is no capture.
    private static let longest: Int64 = 366 * 86_400 * 1_000_000
}

/// What is wrong in a capture file, and where.
public struct CaptureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// 1-based.
    public var line: Int
    public var problem: String

    public var description: String { "line \(line): \(problem)" }
}

extension LineSettings {
    /// `9600 8N1`
    public var text: String { "\(baud) \(format.rawValue)" }

    /// Reads `9600 8N1`; nil for anything else, and for rates outside 300…115200.
    public init?(text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let baud = Int(words[0]), (300...115_200).contains(baud),
            let format = CharacterFormat(rawValue: String(words[1]))
        else { return nil }
        self.init(baud: baud, format: format)
    }
}
