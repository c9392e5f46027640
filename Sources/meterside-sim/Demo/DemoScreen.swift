import Metering

/// The demonstration as 22 lines of at most 80 columns.
struct DemoScreen: DemoView {
    let title: String
    let speed: Int64
    let socket: String
    /// Where the command line lies, as people type it here.
    let bin: String
    let showsColour: Bool
    /// It is a part that ends by itself.
    let isOnePart: Bool

    /// The lines for `picture`.
    func lines(_ picture: DemoPicture, now: WallTime) -> [String] {
        header(now) + meters(picture) + intervals(picture) + flow(picture) + next(picture)
    }

    private func header(_ now: WallTime) -> [String] {
        let time = String(now.textSeconds.prefix(16).map { $0 == "T" ? " " : $0 })
        let pace = speed > 1 ? "time runs \(speed)x, now \(time) UTC" : "\(time) UTC"
        return [bold(title) + Column.right(pace, 79 - title.count)]
    }

    private func meters(_ picture: DemoPicture) -> [String] {
        var lines = [
            bold(
                Column.left("METERS", 11) + Column.left("model", 15) + Column.right("power", 9)
                    + Column.right("volts", 8) + Column.right("import kWh", 13) + Column.right("export kWh", 13)
                    + "  state")
        ]
        for meter in picture.meters {
            let live = meter.live ?? .null
            let volts = LiveText.reading("voltage_l1_v", of: live).map { Column.cut($0, decimals: 1) }
            lines.append(
                Column.left(meter.serial, 11) + Column.left(meter.model, 15)
                    + Column.right(LiveText.reading("power_w", of: live).map { "\(Column.whole($0)) W" } ?? "-", 9)
                    + Column.right(volts ?? "-", 8)
                    + Column.right(LiveText.reading("import_wh", of: live).map(Column.kilo) ?? "-", 13)
                    + Column.right(LiveText.reading("export_wh", of: live).map(Column.kilo) ?? "-", 13)
                    + "  " + tone(meter.state, isGood: meter.state == "live"))
        }
        return lines + [""]
    }

    private func intervals(_ picture: DemoPicture) -> [String] {
        var lines = [
            bold(Column.left("INTERVALS", 11))
                + "newest, Wh in/out      A read, S load survey, E estimated, N none"
        ]
        for meter in picture.meters {
            guard let newest = meter.intervals.last else {
                lines.append(Column.left(meter.serial, 11) + "none yet: the first ends on the next 5 minutes")
                continue
            }
            let amounts = "\(IntervalText.text(newest.importWh))/\(IntervalText.text(newest.exportWh))"
            lines.append(
                Column.left(meter.serial, 11) + Column.left("to \(newest.end)  \(amounts)", 23)
                    + strip(meter.intervals.map(\.letter)))
        }
        return lines + [""]
    }

    /// A letter for each interval, runs of the same in their colour.
    private func strip(_ letters: [String]) -> String {
        var text = ""
        for run in letters.chunked() {
            let word = String(repeating: run.letter, count: run.count)
            text += run.letter == "A" ? word : run.letter == "S" ? tone(word, isGood: true) : tone(word, isGood: false)
        }
        return text
    }

    private func flow(_ picture: DemoPicture) -> [String] {
        let wires = picture.wires.map { "port \($0.name) (\($0.what)) \($0.perMinute)" }
        let waiting = picture.pending.map { $0 == 0 ? "empty" : "\($0) waiting \(bar($0))" } ?? "?"
        let chain = picture.isChainBroken ? tone("BROKEN", isGood: false) : "sound"
        return [
            bold(Column.left("WIRES", 11)) + "exchanges a minute: " + wires.joined(separator: ", "),
            bold(Column.left("JOURNAL", 11))
                + "\(picture.head) records on the box; the cloud holds \(picture.verified), chain \(chain)",
            bold(Column.left("MQTT", 11))
                + "\(picture.mqtt), \(picture.messages) messages, acknowledged to \(picture.acknowledged); "
                + "outbox \(waiting)",
            bold(Column.left("COMMAND", 11)) + Column.cut(picture.lastCommand, to: 68),
            bold(Column.left("NEWS", 11)) + Column.cut(picture.news, to: 68), "",
        ]
    }

    private func next(_ picture: DemoPicture) -> [String] {
        let serial = picture.meters.first?.serial ?? ""
        return [
            dim("An interval of 5 minutes passes \(DemoPace.text(speed)). Try this in another terminal:"),
            "  export METERSIDE_SOCKET=\(socket)",
            "  \(bin)/meterside status", "  \(bin)/meterside interval list --meter \(serial)",
            dim(
                isOnePart
                    ? "or type here: next, unplug a, plug a, silent \(serial) 600, help. Ctrl-C ends."
                    : "or type here: unplug a, plug a, silent \(serial) 600, help. Ctrl-C ends."),
        ]
    }

    private func bar(_ count: Int64) -> String { String(repeating: "#", count: Int(min(count, 12))) }

    private func bold(_ text: String) -> String { showsColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    private func dim(_ text: String) -> String { showsColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    private func tone(_ text: String, isGood: Bool) -> String {
        showsColour ? "\u{1B}[\(isGood ? 32 : 31)m\(text)\u{1B}[0m" : text
    }
}

extension [String] {
    /// Runs of the same letter.
    fileprivate func chunked() -> [(letter: String, count: Int)] {
        reduce(into: []) { runs, letter in
            if runs.last?.letter == letter {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((letter, 1))
            }
        }
    }
}

/// How fast simulated intervals pass, in words.
enum DemoPace {
    static func text(_ speed: Int64) -> String {
        if speed == 1 { return "in real time, every five minutes" }
        return speed >= 300 ? "every second or faster" : "every \(300 / speed) s"
    }
}

/// Text of a fixed width.
enum Column {
    static func left(_ text: String, _ width: Int) -> String {
        let text = cut(text, to: width - 1)
        return text + String(repeating: " ", count: width - text.count)
    }

    static func right(_ text: String, _ width: Int) -> String {
        let text = cut(text, to: width)
        return String(repeating: " ", count: width - text.count) + text
    }

    /// At most `width` characters, without control characters.
    static func cut(_ text: String, to width: Int) -> String {
        let clean = String(text.prefix(width + 1).map { $0.isASCII && $0 < " " ? " " : $0 })
        return clean.count > width ? String(clean.prefix(max(0, width - 1))) + "…" : clean
    }

    /// A decimal number cut to so many decimals.
    static func cut(_ number: String, decimals: Int) -> String {
        guard let point = number.firstIndex(of: ".") else { return number }
        return String(number[..<point] + number[point...].prefix(decimals + 1))
    }

    static func whole(_ number: String) -> String { String(number.prefix { $0 != "." }) }

    /// Watt-hours as kilowatt-hours with three decimals.
    static func kilo(_ wattHours: String) -> String {
        guard let value = DecimalValue(text: wattHours)?.flooredInteger else { return wattHours }
        let thousandths = String(1000 + value.flooredRemainder(by: 1000)).dropFirst()
        return "\(value.flooredQuotient(by: 1000)).\(thousandths)"
    }
}
