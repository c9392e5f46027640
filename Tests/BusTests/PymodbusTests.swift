import Bus
import Drivers
import Foundation
import Metering
import Testing

/// An independent slave: pymodbus, as `packaging/setup` installs it. Register n of unit 7 holds 7n + 3 (n to 298); it
/// has 16 coils, and every third of its 16 discrete inputs is on.
final class PymodbusSlave {
    static let python: String? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["METERSIDE_PYTHON"]
        let candidates = [named, root.appending(path: ".venv/bin/python").path, "/usr/bin/python3"].compactMap { $0 }
        return candidates.first { run($0, ["-c", "import pymodbus"])?.terminationStatus == 0 }
    }()

    private static let script = """
        import asyncio, os, sys, tty, warnings, logging
        warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
        from pymodbus.datastore import ModbusDeviceContext, ModbusServerContext, ModbusSequentialDataBlock
        from pymodbus.framer import FramerType
        from pymodbus.server import ModbusTcpServer

        async def bridge(path, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            line = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(line)
            asyncio.get_running_loop().add_reader(line, lambda: writer.write(os.read(line, 512)))
            while data := await reader.read(512):
                os.write(line, data)

        async def main(framer, path):
            block = ModbusSequentialDataBlock(1, [(7 * n + 3) & 0xFFFF for n in range(299)])
            coils = ModbusSequentialDataBlock(1, [False] * 16)
            inputs = ModbusSequentialDataBlock(1, [n % 3 == 0 for n in range(16)])
            device = ModbusDeviceContext(hr=block, ir=block, co=coils, di=inputs)
            context = ModbusServerContext(devices={7: device}, single=False)
            server = ModbusTcpServer(context, framer=FramerType[framer], address=("127.0.0.1", 0))
            await server.serve_forever(background=True)
            port = server.transport.sockets[0].getsockname()[1]
            if path:
                asyncio.get_running_loop().create_task(bridge(path, port))
                await asyncio.sleep(0.2)
            print(port, flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            os._exit(0)

        asyncio.run(main(sys.argv[1], sys.argv[2]))
        """

    let port: UInt16
    private let process: Process
    private let input = Pipe()

    /// `framer`: SOCKET or RTU. `path`: a terminal to serve, bridged byte by byte, besides the TCP port.
    init(framer: String, path: String = "") throws {
        let python = try #require(Self.python)
        let output = Pipe()
        process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", Self.script, framer, path]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(UInt16(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// It ends when its input does.
    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private static func run(_ program: String, _ arguments: [String]) -> Process? {
        guard FileManager.default.isExecutableFile(atPath: program) else { return nil }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        process.waitUntilExit()
        return process
    }
}

@Suite(
    .enabled(if: PymodbusSlave.python != nil, "no Python with pymodbus: run packaging/setup or set METERSIDE_PYTHON"))
struct PymodbusTests {
    private let near = ModbusRead(function: 3, address: 4, count: 3)
    private let long = ModbusRead(function: 4, address: 100, count: 125)
    private let beyond = ModbusRead(function: 3, address: 5000, count: 2)

    private func check(_ bench: Bench) {
        let expected = (100..<225).map { UInt16(7 * $0 + 3) }
        #expect(
            bench.run(.read([near, long, beyond], unit: 7))
                == .modbus([.success([31, 38, 45]), .success(expected), .failure(.exception(2))]))
    }

    @Test func tcp_readsWhatAnIndependentSlaveHolds() throws {
        let slave = try PymodbusSlave(framer: "SOCKET")
        defer { slave.stop() }
        check(Bench(tcp: slave.port, .modbusTCP))
    }

    @Test func rtuOverTcp_readsWhatAnIndependentSlaveHolds() throws {
        let slave = try PymodbusSlave(framer: "RTU")
        defer { slave.stop() }
        check(Bench(tcp: slave.port, .modbusRTU))
    }

    @Test func rtuOnATerminal_readsWhatAnIndependentSlaveHolds() throws {
        let pair = try PtyPair()
        defer { pair.stop() }
        let slave = try PymodbusSlave(framer: "RTU", path: pair.far)
        defer { slave.stop() }
        check(Bench(pty: pair.near, .modbusRTU))
    }

    private func checkSwitch(_ bench: Bench) {
        #expect(bench.run(.contact(nil, feedback: 3)) == .shows(false, true))
        #expect(bench.run(.contact(true, feedback: 4)) == .shows(true, false))
        #expect(bench.run(.contact(false, feedback: 3)) == .shows(false, true))
        #expect(bench.run(.inputs([9, 0, 1, 2])) == .inputs([true, true, false, false]))
    }

    @Test func tcp_movesACoilOfAnIndependentSlave() throws {
        let slave = try PymodbusSlave(framer: "SOCKET")
        defer { slave.stop() }
        checkSwitch(Bench(tcp: slave.port, .modbusTCP))
    }

    @Test func rtuOnATerminal_movesACoilOfAnIndependentSlave() throws {
        let pair = try PtyPair()
        defer { pair.stop() }
        let slave = try PymodbusSlave(framer: "RTU", path: pair.far)
        defer { slave.stop() }
        checkSwitch(Bench(pty: pair.near, .modbusRTU))
    }
}
