import Glibc
import Metering

/// The other end of a box's MQTT: stores its journal by sequence and says so with receipts, as any cloud application
/// must (README, "For cloud developers").
final class CloudReceiver {
    /// Something the receiver saw or did.
    enum Notice {
        case connected
        case disconnected(String)
        /// The retained `state` of the box.
        case state(JSONValue)
        case live(serial: String, JSONValue)
        case record(CloudStore.JournalEntryText)
        case receipt(Int64)
        case resend(Int64, Int64)
        case alarm(JSONValue)
        case result(JSONValue)
        case fault(String)
    }

    let box: String
    /// Receipts wait until so many microseconds have passed since the one before; 0 for none.
    var receiptPause: Int64 = 0
    private var lastReceiptAt: Int64 = 0
    private var owedReceipt: Int64?
    private let root: String
    private let sendsReceipts: Bool
    private let client: MqttClient
    private let file: RecordFile?
    private(set) var store = CloudStore()
    /// Messages of the box so far.
    private(set) var messages = 0

    /// Reads back what `file` holds from an earlier run.
    init(url: String, box: String, file path: String?, sendsReceipts: Bool) throws(SimulatorFailure) {
        guard Identifier.isValidName(box) else {
            throw .usage("\"\(box)\" is no box id; write the id of the box's configuration, such as SJKGRHDV")
        }
        let address = try BrokerAddress(url)
        self.box = box
        self.sendsReceipts = sendsReceipts
        root = "meterside/\(box)/"
        client = MqttClient(
            host: address.host, port: address.port, clientID: "meterside-sim-cloud-\(getpid())", topics: [root + "#"])
        file = try path.map { path throws(SimulatorFailure) in try RecordFile(path) }
        guard let file, let path else { return }
        for (number, record) in try file.records().enumerated() {
            for case .fault(let text) in store.take(record) { throw .file("\(path):\(number + 1): \(text)") }
        }
    }

    var descriptor: pollfd? { client.descriptor }
    var isConnected: Bool { client.isConnected }

    /// Call it after every poll, and ten times a second.
    func service(now: Int64) throws(SimulatorFailure) -> [Notice] {
        var notices: [Notice] = []
        for event in client.service(now: now) {
            switch event {
            case .connected:
                store.reconnected()
                if store.upTo > 0 { acknowledge(store.upTo) }
                notices.append(.connected)
            case .disconnected(let why): notices.append(.disconnected(why))
            case .message(let topic, let payload, _):
                messages += 1
                notices += try take(topic.dropFirst(root.utf8.count), payload)
            }
        }
        if let upTo = owedReceipt, isConnected, now - lastReceiptAt >= receiptPause {
            owedReceipt = nil
            lastReceiptAt = now
            client.publish(root + "receipt", JSONWriter.compact(["upto": .integer(upTo)]))
            notices.append(.receipt(upTo))
        }
        return notices
    }

    /// Publishes a signed command, as it is.
    @discardableResult
    func send(command: [UInt8]) -> Bool { client.publish(root + "command", command) }

    func close() { client.close() }

    private func take(_ topic: Substring, _ payload: [UInt8]) throws(SimulatorFailure) -> [Notice] {
        if topic == "journal" { return try takeJournal(payload) }
        guard let value = try? JSONReader.read(payload) else { return [.fault("\(topic) is no JSON of the contract")] }
        if topic == "state" { return [.state(value)] }
        if topic == "alarm" { return [.alarm(value)] }
        if topic.hasPrefix("result/") { return [.result(value)] }
        let parts = topic.split(separator: "/")
        if parts.count == 3, parts[0] == "meter", parts[2] == "live" { return [.live(serial: String(parts[1]), value)] }
        return []
    }

    private func takeJournal(_ payload: [UInt8]) throws(SimulatorFailure) -> [Notice] {
        var notices: [Notice] = []
        var held: [JSONValue] = []
        var receipt: Int64?
        for finding in store.take(journal: payload, box: box) {
            switch finding {
            case .stored(let entry):
                held.append(entry.json)
                notices.append(.record(entry))
            case .receipt(let upTo): receipt = upTo
            case .resend(let from, let to):
                guard sendsReceipts else { continue }
                client.publish(root + "receipt", JSONWriter.compact(["resend": [.integer(from), .integer(to)]]))
                notices.append(.resend(from, to))
            case .fault(let text): notices.append(.fault(text))
            }
        }
        // A receipt says that we hold the records: they are in the file first.
        try file?.append(held)
        if let receipt { acknowledge(receipt) }
        return notices
    }

    private func acknowledge(_ upTo: Int64) {
        if sendsReceipts { owedReceipt = upTo }
    }
}

/// `mqtt://host:port`.
struct BrokerAddress {
    var host: String
    var port: UInt16 = 1883

    init(_ url: String) throws(SimulatorFailure) {
        let example = "write an address such as mqtt://127.0.0.1:1883"
        guard url.hasPrefix("mqtt://") else { throw .usage("\"\(url)\" is no mqtt:// address; \(example)") }
        let parts = url.dropFirst(7).split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { throw .usage("\(url): \(example)") }
        self.host = String(host)
        guard parts.count == 2 else { return }
        guard let port = UInt16(parts[1]), port > 0 else { throw .usage("\(url): \(example)") }
        self.port = port
    }
}

/// Journal records as lines of JSON.
final class RecordFile {
    private let path: String
    private let descriptor: Int32

    init(_ path: String) throws(SimulatorFailure) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system("cannot open \(path)", errno) }
    }

    deinit { close(descriptor) }

    /// The records of an earlier run, in the order of the file.
    func records() throws(SimulatorFailure) -> [JSONValue] {
        var records: [JSONValue] = []
        for (number, line) in try Folder.read(path).split(separator: 0x0A).enumerated() {
            guard let record = try? JSONReader.read(Array(line)) else {
                throw .file("\(path):\(number + 1): this line is no journal record; take it out or take another file")
            }
            records.append(record)
        }
        return records
    }

    func append(_ records: [JSONValue]) throws(SimulatorFailure) {
        guard !records.isEmpty else { return }
        var bytes: [UInt8] = []
        for record in records { bytes += JSONWriter.compact(record) + [0x0A] }
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            throw .system("cannot write \(path)", errno)
        }
    }
}
