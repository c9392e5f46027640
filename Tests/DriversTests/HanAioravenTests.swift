import Drivers
import Foundation
import Metering
import Testing

/// aioraven, the Python driver that Home Assistant uses, as `packaging/setup` installs it.
private enum Aioraven {
    static let python: String? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["METERSIDE_PYTHON"]
        let candidates = [named, root.appending(path: ".venv/bin/python").path].compactMap { $0 }
        return candidates.first { (try? run($0, "import aioraven", input: "")) != nil }
    }()

    /// Feeds each line of the input to aioraven's reader as bytes of a device, asks the question it names, and prints
    /// what aioraven makes of it.
    private static let script = """
        import asyncio, json, sys
        from aioraven.protocols import RAVEnReaderProtocol
        from aioraven.reader import RAVEnReader
        from aioraven.streams import RAVEnStreamDevice

        class Device(RAVEnStreamDevice):
            def __init__(self, data):
                loop = asyncio.get_running_loop()
                self._reader = RAVEnReader(loop=loop)
                self.protocol = RAVEnReaderProtocol(self._reader, loop=loop)
                self.protocol.connection_made(None)
                device = self
                class Writer:
                    def write_cmd(self, name, args=None):
                        device.protocol.data_received(data)
                self._writer = Writer()

        def plain(value):
            if isinstance(value, bytes): return value.hex()
            if hasattr(value, "isoformat"): return value.isoformat()
            if isinstance(value, list): return [plain(item) for item in value]
            return None if value is None else str(value)

        async def main():
            for line in sys.stdin:
                question, data = json.loads(line)
                answer = await asyncio.wait_for(getattr(Device(data.encode("cp1252")), question)(), 10)
                print(json.dumps({name: plain(value) for name, value in vars(answer).items()}))

        asyncio.run(main())
        """

    /// `{field: text}` for each question and its bytes.
    static func read(_ questions: [(String, String)]) throws -> [JSONValue] {
        let input = questions.map { question, text in
            String(decoding: JSONWriter.compact([.string(question), .string(text)]), as: UTF8.self) + "\n"
        }.joined()
        let lines = try run(try #require(python), script, input: input)
        return try lines.map { try JSONReader.read($0) }
    }

    private struct Failed: Error { var out: String }

    /// The lines that a script prints; it must come to its end.
    private static func run(_ python: String, _ script: String, input: String) throws -> [String] {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(input.utf8).write(to: file)
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", script + "\nprint('the end', flush=True)"]
        process.standardInput = try FileHandle(forReadingFrom: file)
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // Its last word, not its exit: waiting for that runs a run loop, which hangs now and then beside other tests.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        var lines = text.split(separator: "\n").map(String.init)
        guard lines.popLast() == "the end" else { throw Failed(out: text) }
        return lines
    }
}

/// The same bytes, read by aioraven and by our driver.
@Suite(
    .enabled(if: Aioraven.python != nil, "no Python with aioraven: run packaging/setup or set METERSIDE_PYTHON"))
struct HanAioravenTests {
    private static let heads = [("DeviceMacId", "0x0123456789abcdef"), ("MeterMacId", "0xfedcba9876543210")]

    private func energy(_ raw: String, _ multiplier: String, _ divisor: String) -> String {
        HanText.fragment(
            "CurrentSummationDelivered",
            Self.heads + [
                ("TimeStamp", "0x296B2D39"), ("SummationDelivered", raw), ("SummationReceived", "0x0"),
                ("Multiplier", multiplier), ("Divisor", divisor), ("DigitsRight", "0x03"), ("DigitsLeft", "0x06"),
                ("SuppressLeadingZero", "Y"),
            ])
    }

    private func demand(_ raw: String) -> String {
        HanText.fragment(
            "InstantaneousDemand",
            Self.heads + [
                ("TimeStamp", "0x296B2D39"), ("Demand", raw), ("Multiplier", "0x01"), ("Divisor", "0x03e8"),
                ("DigitsRight", "0x03"), ("DigitsLeft", "0x06"), ("SuppressLeadingZero", "Y"),
            ])
    }

    @Test func registers_areTheSameNumbers() throws {
        let summations = [
            energy("0x0000000000bc1d5a", "0x00000001", "0x000003e8"), energy("0x1E240", "0x02", "0x3e8"),
            energy("0x7FFFFFFF", "0x01", "0x03e8"), energy("0x0", "0x1", "0x3e8"),
        ]
        let demands = [demand("0x001738"), demand("0xfffffc18"), demand("0x7fffff"), demand("0x0")]
        let theirs = try Aioraven.read(
            summations.map { ("get_current_summation_delivered", $0) }
                + demands.map { ("get_instantaneous_demand", $0) })
        #expect(theirs.count == 8)
        for (text, answer) in zip(summations, theirs) {
            let ours = try #require(HanText.read(text).fragments.first?.delivered.flatMap { DecimalValue(text: $0) })
            #expect(answer["summation_delivered"]?.string.flatMap { DecimalValue(text: $0) } == ours)
        }
        for (text, answer) in zip(demands, theirs.dropFirst(4)) {
            let ours = try #require(HanText.read(text).fragments.first?.kilowatts.flatMap { DecimalValue(text: $0) })
            #expect(answer["demand"]?.string.flatMap { DecimalValue(text: $0) } == ours)
        }
    }

    /// Fragments as aioraven's own tests have them: device, price, meter lists; and the rest it knows.
    @Test func everythingElse_isTheSame() throws {
        let price = HanText.fragment(
            "PriceCluster",
            Self.heads + [
                ("TimeStamp", "0x296B2D39"), ("Price", "0x18"), ("Currency", "0x348"), ("TrailingDigits", "0x02"),
                ("Tier", "0x08"), ("TierLabel", "Set by User"), ("RateLabel", "Set by User"),
            ])
        let device = HanText.fragment(
            "DeviceInfo",
            [
                ("DeviceMacId", "0x0123456789abcdef"), ("InstallCode", "0xabcdef0123456789"),
                ("LinkKey", "0xabcdef0123456789abcdef0123456789"), ("FWVersion", "1.21g"),
                ("HWVersion", "5.55 rev 2"), ("ImageType", "Mocked"), ("Manufacturer", "aioraven"),
                ("ModelId", "Python"), ("DateCode", "2022010100000042"),
            ])
        let list = HanText.fragment("MeterList", Self.heads + [("MeterMacId", "0xfedcba0123456789")])
        let network = HanText.fragment(
            "NetworkInfo",
            [
                ("DeviceMacId", "0x0123456789abcdef"), ("CoordMacId", "0xfedcba9876543210"), ("Status", "Rejoining"),
                ("Description", "x"), ("ExtPanId", "0xfedcba9876543210"), ("Channel", "20"), ("ShortAddr", "0xe1aa"),
                ("LinkStrength", "0x64"),
            ])
        let time = HanText.fragment(
            "TimeCluster", Self.heads + [("UTCTime", "0x29BD58A7"), ("LocalTime", "0x29BDE547")])
        let message = HanText.fragment(
            "MessageCluster",
            Self.heads + [
                ("TimeStamp", "0x29BD58A7"), ("Id", "0x0000002A"), ("Text", "5 &lt; 6"),
                ("ConfirmationRequired", "Y"), ("Confirmed", "N"), ("Queue", "Active"),
            ])
        let theirs = try Aioraven.read([
            ("get_current_price", price), ("get_device_info", device), ("get_meter_list", list),
            ("get_network_info", network), ("get_time", time), ("get_message", message),
        ])
        let ours = HanText.read([price, device, list, network, time, message].joined()).fragments
        guard theirs.count == 6, case .price(let ourPrice) = ours[0], case .device(let ourDevice) = ours[1],
            case .meterList(let ourList) = ours[2], case .connection(let ourNetwork) = ours[3],
            case .time(let ourTime) = ours[4], case .message(let ourMessage) = ours[5]
        else {
            Issue.record("\(theirs) \(ours)")
            return
        }
        #expect(theirs[0]["price"]?.string == (try? ourPrice.price.get())?.text)
        #expect(theirs[0]["tier"]?.string == ourPrice.tier.map { String($0) })
        #expect(theirs[1]["device_mac_id"]?.string == ourDevice.device?.text)
        #expect(theirs[1]["fw_version"]?.string == ourDevice.firmware)
        #expect(theirs[2]["meter_mac_ids"]?.array?.map(\.string) == ourList.meters.map(\.text))
        #expect(theirs[3]["status"]?.string == ourNetwork.state.text && ourNetwork.state.group == .lost)
        #expect(theirs[3]["channel"]?.string == ourNetwork.channel.map { String($0) })
        #expect(theirs[3]["link_strength"]?.string == ourNetwork.linkStrength.map { String($0) })
        #expect(theirs[4]["utc_time"]?.string.flatMap { WallTime(text: $0) } == ourTime.utc)
        #expect(theirs[5]["text"]?.string == ourMessage.text)
    }
}
