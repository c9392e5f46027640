import Bus
import Gateway
import Journal
import Metering
import Upstream

/// Carries out what the agent wants done, once its records are durable.
extension MainLoop {
    func perform(_ effect: Effect) {
        switch effect {
        case .append: break
        case .bus(let request): bus.submit(request)
        case .publish(let message):
            _ = mqtt?.publish(topic: message.topic, payload: message.payload, retained: message.retained)
        case .sendJournal(let from, let to): sender.add(from: from, through: to)
        case .saveCursor(let seq): saveCursor(seq)
        case .answer(let token, .success(let value)):
            endScan(token)
            server.answer(token, value)
        case .answer(let token, .failure(let failure)):
            endScan(token)
            server.fail(token, code: failure.code, message: failure.message, hint: failure.hint)
        case .progress(let token, let value): server.progress(token, value.object ?? [:])
        case .display(let unit, let lines): displays.show(lines, unit: unit)
        case .han(let bytes): han.write(bytes)
        case .upstream(let order): perform(order)
        case .upstreamRecorded(let token): upstreams?.recorded(token)
        }
    }

    private func saveCursor(_ seq: Int64) {
        guard let journal else { return }
        do throws(JournalError) {
            try journal.append([], cursors: [JournalCursor(name: JournalCursor.cloud, seq: seq)])
        } catch {
            // A cursor that is not saved only means that records are sent once more after a restart.
            note("cursor", "the cloud's receipt could not be noted: \(error)")
        }
    }

    /// What is told of a record the moment it is durable.
    func announce(_ entry: JournalEntry) {
        if entry.draft.kind.isUrgent {
            _ = mqtt?.publish(topic: "alarm", payload: JSONWriter.compact(entry.json), retained: false)
            log.warning("\(entry.draft.kind.rawValue) \(entry.draft.seq): \(Self.words(entry.draft.data))")
        }
        follows.tell(entry, through: server)
        upstreams?.note(entry)
    }

    private static func words(_ data: JSONObject) -> String {
        String(decoding: JSONWriter.compact(.object(data)), as: UTF8.self)
    }

    /// Opens the connection to the broker, if the configuration has one.
    func startMqtt() {
        guard let settings = configuration?.mqtt else { return }
        let mailbox = mailbox
        let time = time
        let transport = MqttTransport(settings: settings, uptime: { time.realUptime() }) { event in
            mailbox.post([.mqtt(event)])
        }
        do throws(MqttStartError) {
            try transport.start()
            mqtt = transport
        } catch {
            brokerReason = "\(error)"
            note("mqtt", "MQTT is off: \(error)")
        }
    }

    /// Stops what a changed section started, and starts it anew.
    func restart(mqtt mustRestart: Bool, ports: [PortEntry], before: [PortEntry]) {
        for port in before where !ports.contains(port) { bus.close(port.id) }
        for port in ports where !before.contains(port) { bus.open(port.bus) }
        guard mustRestart else { return }
        mqtt?.stop(within: 1000)
        mqtt = nil
        startMqtt()
    }
}
