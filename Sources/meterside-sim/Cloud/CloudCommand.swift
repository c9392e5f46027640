import ArgumentParser
import CLinux
import Glibc
import Metering

/// `meterside-sim cloud`
struct CloudCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cloud", abstract: "Receives a box's journal over MQTT, checks it and acknowledges it.",
        discussion: """
            It subscribes to meterside/<box>/#, stores the journal by sequence, verifies the chain of hashes, sends \
            receipts, and asks again for what is missing. One line is printed for everything it sees.
            """)

    @Option(help: "The broker, without TLS.")
    var url = "mqtt://127.0.0.1:1883"

    @Option(help: "The box's id.")
    var box: String

    @Option(help: "A file that keeps the records as lines of JSON; what it holds already is read first.")
    var db: String?

    @Flag(help: "Send no receipts: the box then keeps everything in its outbox.")
    var noReceipts = false

    @Option(help: "A file with a signed command (meterside command sign) to send once connected; may be repeated.")
    var command: [String] = []

    @Flag(help: "Print journal records and results whole, as JSON.")
    var json = false

    @Flag(help: "Say nothing about live values.")
    var noLive = false

    @Option(help: "End by itself after so many seconds.")
    var seconds: Int64?

    @Option(help: "End by itself when everything up to this sequence is held.")
    var until: Int64?

    func run() throws {
        let receiver = try CloudReceiver(url: url, box: box, file: db, sendsReceipts: !noReceipts)
        var commands: [[UInt8]] = []
        for path in command { commands.append(Self.trimmed(try Folder.read(path, limit: 16_384))) }
        let stop = try StopSignal()
        let end = seconds.map { BoardClock.uptime() + $0 * 1_000_000 }
        Console.line("cloud: waiting for box \(box) at \(url); stop with Ctrl-C")
        defer { receiver.close() }
        while true {
            var polled = [pollfd(fd: stop.event, events: Int16(POLLIN), revents: 0)]
            if let descriptor = receiver.descriptor { polled.append(descriptor) }
            _ = poll(&polled, nfds_t(polled.count), 100)
            let now = BoardClock.uptime()
            for notice in try receiver.service(now: now.microseconds) {
                if case .connected = notice { for bytes in commands { receiver.send(command: bytes) } }
                show(notice)
            }
            if let end, now >= end { break }
            if let until, receiver.store.upTo >= until { break }
            if polled[0].revents != 0 { break }
        }
        summary(receiver)
        if receiver.store.isBroken { throw SimulatorFailure.unseen("the journal's chain is broken; see above") }
    }

    private func summary(_ receiver: CloudReceiver) {
        let store = receiver.store
        Console.line(
            "cloud: \(store.stored) records held, without a hole up to \(store.upTo), \(store.duplicates) came twice; "
                + "the chain is \(store.isBroken ? "BROKEN" : "sound")")
    }

    private func show(_ notice: CloudReceiver.Notice) {
        switch notice {
        case .connected: Console.line("cloud: connected to the broker")
        case .disconnected(let why): Console.line("cloud: no broker (\(why)); trying again every second")
        case .state(let value): Console.line("state    \(value["state"]?.string ?? "?")")
        case .live(let serial, let value): if !noLive { Console.line("live     \(serial)  \(LiveText.short(value))") }
        case .record(let entry):
            Console.line(
                json
                    ? String(decoding: JSONWriter.compact(entry.json), as: UTF8.self)
                    : "journal  \(entry.seq)  \(entry.kind)  \(RecordText.short(entry))")
        case .receipt(let upTo): Console.line("receipt  up to \(upTo)")
        case .resend(let from, let to): Console.line("resend   asked for \(from) to \(to)")
        case .alarm(let value):
            Console.line("alarm    \(value["data"]?["alarm"]?.string ?? value["kind"]?.string ?? "?")")
        case .result(let value):
            Console.line(
                json
                    ? String(decoding: JSONWriter.compact(value), as: UTF8.self)
                    : "result   \(RecordText.result(value))")
        case .fault(let text): Console.line("FAULT    \(text)")
        }
    }

    /// Without the line end that editors and shells add.
    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        while let last = rest.last, last == 0x0A || last == 0x0D || last == 0x20 { rest.removeLast() }
        return Array(rest)
    }
}
