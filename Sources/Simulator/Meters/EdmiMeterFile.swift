import Drivers
import Metering

/// The load survey and event log of a simulated meter, of either dialect (reference/edmi.md §6).
struct EdmiMeterFile {
    /// Data bytes of one reply: what real meters were seen to give.
    private static let mostBytes = 2048

    let memory: EdmiMeterMemory

    private var survey: EdmiMeterSurvey { memory.settings.survey }
    private var stored: Range<Int64> { survey.stored(at: memory.seconds) }

    func answer(_ inner: [UInt8]) -> [UInt8] {
        guard memory.settings.dialect == .genius else { return atlasFile(inner) }
        guard inner.count >= 6 else { return EdmiMeterSimulator.cancel(5) }
        if number(inner, 2, 4) == Int64((survey.base + 0x100) << 16 | 0xF008) { return eventFile(inner) }
        guard number(inner, 2, 4) == Int64(survey.base << 16 | 0xF008) else { return EdmiMeterSimulator.cancel(3) }
        switch (inner[1], inner.count) {
        case (0x49, 6): return fileInfo(inner)
        case (0x53, 17): return fileSearch(inner)
        case (0x52, 16): return fileRead(inner)
        case (0x49, _), (0x53, _), (0x52, _): return EdmiMeterSimulator.cancel(5)
        default: return EdmiMeterSimulator.cancel(2)
        }
    }

    private func number(_ bytes: [UInt8], _ offset: Int, _ length: Int) -> Int64 {
        bytes[offset..<(offset + length)].reduce(0) { $0 << 8 | Int64($1) }
    }

    private func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] { EdmiMeterRegister.bigEndian(value) }

    private func little16(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }

    /// What channel `channel` counted in record `number`: the advance of its whole-unit register.
    func advance(_ channel: Int, _ number: Int64) -> Int64 {
        let name = RegisterName(EdmiMeterMemory.channels[channel])
        let count = { (seconds: Int64) in
            memory.settings.values(name, memory.settings.trueTime(meterSeconds: seconds))?.flooredInteger ?? 0
        }
        let advance = count(survey.stamp(number)) - count(survey.stamp(number) - survey.interval)
        return advance < 0 ? advance + (memory.settings.registerWidth ?? 0) : advance
    }

    private func decivolts(_ number: Int64) -> Int16 {
        let time = memory.settings.trueTime(meterSeconds: survey.stamp(number))
        let value = memory.settings.values(RegisterName("voltage_l1_v"), time)?.scaled(power: 1)?.flooredInteger
        return Int16(truncatingIfNeeded: value ?? 0)
    }

    // MARK: Genius

    /// Status, four energies of 4 bytes, one voltage of 2.
    private static let geniusWidth = 20

    /// Registers of the first survey; nil for all others of the 32-bit space.
    func geniusRegister(_ address: UInt32) -> EdmiMeterRegister? {
        guard memory.settings.dialect == .genius else { return nil }
        if address >> 16 == 2 { return geniusExtension(address & 0xFFFF) }
        if address >> 16 == survey.base + 0x100 { return geniusEventRegister(address & 0xFFFF) }
        guard address >> 16 == survey.base else { return nil }
        switch address & 0xFFFF {
        case 0xF011: return EdmiMeterRegister(.byte, "Mode", UInt8(0))
        case 0xF012: return EdmiMeterRegister(.byte, "Channels", UInt8(5))
        case 0xF013: return EdmiMeterRegister(.long, "Max entries", Int32(truncatingIfNeeded: survey.capacity))
        case 0xF014: return EdmiMeterRegister(.long, "Interval", Int32(truncatingIfNeeded: survey.interval))
        case 0xF018: return EdmiMeterRegister(.short, "Record width", Int16(Self.geniusWidth))
        case 0xF020: return EdmiMeterRegister(time: survey.origin, "Start")
        case 0xF021: return EdmiMeterRegister(.long, "Entries", Int32(truncatingIfNeeded: stored.upperBound))
        case 0xE000...0xE8FF: return geniusChannel(address & 0xFF00, Int(address & 0xFF))
        default: return nil
        }
    }

    private func geniusChannel(_ column: UInt32, _ channel: Int) -> EdmiMeterRegister? {
        guard (0...5).contains(channel) else { return nil }
        let isEnergy = (1...4).contains(channel)
        switch column {
        case 0xE000:
            let sources: [UInt32] = [0, 0xE397, 0xE393, 0xE39F, 0xE39B, 0xE000]
            return EdmiMeterRegister(.hexLong, "Source", sources[channel])
        case 0xE100:
            let size: Int16 = isEnergy ? 4 : channel == 0 && !survey.hasStatus ? 0 : 2
            return EdmiMeterRegister(.short, "Size", size)
        case 0xE200:
            let type: EdmiType = channel == 0 ? .hexShort : isEnergy ? .floatEnergy : .short
            return EdmiMeterRegister(.byte, "Type", type.rawValue)
        case 0xE300:
            let units: [EdmiUnit] = [.none, .wattHour, .wattHour, .varHour, .varHour, .volt]
            return EdmiMeterRegister(.byte, "Unit", units[channel].rawValue)
        case 0xE400:
            let names = [
                "Record Status", "Import Wh Total", "Export Wh Total", "Import varh Total", "Export varh Total",
                "Volts A",
            ]
            return EdmiMeterRegister(names[channel], "Name")
        case 0xE500:
            let offsets: [Int16] = [0, 2, 6, 10, 14, 18]
            return EdmiMeterRegister(.short, "Offset", offsets[channel])
        case 0xE600: return EdmiMeterRegister(.byte, "Scaling code", UInt8(0))
        case 0xE800: return EdmiMeterRegister(float: channel == 5 ? 0.1 : 1, .none, "Factor")
        default: return nil
        }
    }

    /// What the meter has: a survey and an event log.
    private func geniusExtension(_ address: UInt32) -> EdmiMeterRegister? {
        let list = [("Load_Survey 1", survey.base), ("Event_Log 1", survey.base + 0x100)]
        if address == 0xF001 { return EdmiMeterRegister(.short, "Extensions", Int16(list.count)) }
        let index = Int(address & 0xFFF)
        guard index < list.count else { return nil }
        switch address >> 12 {
        case 0: return EdmiMeterRegister(list[index].0, "Name")
        case 1: return EdmiMeterRegister(.hexShort, "Id", UInt16(truncatingIfNeeded: list[index].1 & ~5))
        default: return nil
        }
    }

    /// Status, time, a text of 20.
    private static let eventWidth = 26

    private func geniusEventRegister(_ address: UInt32) -> EdmiMeterRegister? {
        switch address {
        case 0xF012: EdmiMeterRegister(.byte, "Channels", UInt8(2))
        case 0xF014: EdmiMeterRegister(.long, "Interval", Int32(0))
        case 0xF018: EdmiMeterRegister(.short, "Record width", Int16(Self.eventWidth))
        case 0xF021: EdmiMeterRegister(.long, "Entries", Int32(events.count))
        case 0xE101: EdmiMeterRegister(.short, "Size", Int16(4))
        case 0xE102: EdmiMeterRegister(.short, "Size", Int16(20))
        case 0xE201: EdmiMeterRegister(.byte, "Type", EdmiType.timeAndDate.rawValue)
        case 0xE202: EdmiMeterRegister(.byte, "Type", EdmiType.string.rawValue)
        case 0xE501: EdmiMeterRegister(.short, "Offset", Int16(2))
        case 0xE502: EdmiMeterRegister(.short, "Offset", Int16(6))
        default: nil
        }
    }

    private func eventFile(_ inner: [UInt8]) -> [UInt8] {
        if inner[1] == 0x49, inner.count == 6 {
            return inner + big(UInt32(0)) + big(UInt32(events.count)) + big(UInt16(Self.eventWidth)) + [1]
                + Array("Event_Log 1".utf8) + [0]
        }
        guard inner[1] == 0x52, inner.count == 16 else { return EdmiMeterSimulator.cancel(2) }
        let start = number(inner, 6, 4)
        guard start < events.count, number(inner, 14, 2) == Self.eventWidth else { return EdmiMeterSimulator.cancel(8) }
        let count = min(number(inner, 10, 2), Int64(events.count) - start)
        var reply = inner[..<10] + big(UInt16(truncatingIfNeeded: count)) + inner[12..<16]
        for event in events[Int(start)..<Int(start + count)] {
            let text = Array((event.code < 0x1010 ? "Power off" : "Power on").utf8)
            reply += big(UInt16(0)) + big(EdmiTime.secondsSince1996(CivilTime(seconds: event.seconds)) ?? 0)
            reply += text + [UInt8](repeating: 0, count: 20 - text.count)
        }
        return [UInt8](reply)
    }

    private func geniusRecord(_ number: Int64) -> [UInt8] {
        guard !survey.isMissing(number) else {
            return big(UInt16(0x06)) + [UInt8](repeating: 0, count: Self.geniusWidth - 2)
        }
        var bytes = big(UInt16(survey.isPartial(number) ? 0x0C : 0))
        for channel in 0..<4 { bytes += big(UInt32(truncatingIfNeeded: advance(channel, number))) }
        return bytes + big(decivolts(number))
    }

    private func fileInfo(_ inner: [UInt8]) -> [UInt8] {
        inner + big(UInt32(truncatingIfNeeded: stored.lowerBound)) + big(UInt32(stored.count))
            + big(UInt16(Self.geniusWidth)) + [1] + Array("Load_Survey 1".utf8) + [0]
    }

    private func fileSearch(_ inner: [UInt8]) -> [UInt8] {
        guard let time = EdmiTime.time(inner[10..<16]) else { return EdmiMeterSimulator.cancel(8) }
        let from = max(number(inner, 6, 4), stored.lowerBound)
        let first = -(-(time.seconds - survey.origin)).flooredQuotient(by: survey.interval)
        let last = stored.upperBound - 1
        let found = min(max(first, from), max(last, from))
        let isExact = survey.stamp(found) == time.seconds
        let result: UInt8 = stored.isEmpty ? 4 : first > last ? 1 : isExact ? 0 : 2
        return inner[..<6] + big(UInt32(truncatingIfNeeded: found))
            + (EdmiTime.bytes(CivilTime(seconds: survey.stamp(found))) ?? [1, 1, 96, 0, 0, 0]) + [result]
    }

    private func fileRead(_ inner: [UInt8]) -> [UInt8] {
        let start = number(inner, 6, 4)
        guard number(inner, 12, 2) == 0, number(inner, 14, 2) == Self.geniusWidth, stored.contains(start) else {
            return EdmiMeterSimulator.cancel(8)
        }
        let count = min(number(inner, 10, 2), Int64(Self.mostBytes / Self.geniusWidth), stored.upperBound - start)
        var reply = inner[..<10] + big(UInt16(truncatingIfNeeded: count)) + inner[12..<16]
        for record in start..<(start + count) { reply += geniusRecord(record) }
        return [UInt8](reply)
    }

    // MARK: Atlas

    /// The four energies and the voltage of phase A (instantaneous, quantity 3).
    private static let atlasChannels: [UInt16] = [0x0013, 0x0023, 0x0017, 0x0027, 0x0083]

    func atlasRegister(_ address: UInt32) -> EdmiMeterRegister? {
        guard memory.settings.dialect == .atlas else { return nil }
        switch address {
        case 0xD802: return EdmiMeterRegister(.long, "First entry", Int32(truncatingIfNeeded: stored.lowerBound))
        case 0xD804: return EdmiMeterRegister(.long, "Last entry", Int32(truncatingIfNeeded: stored.upperBound))
        case 0xD806:
            return EdmiMeterRegister(
                .short, "Layout",
                Int16(truncatingIfNeeded: survey.intervalMinutes << 6) | Int16(Self.atlasChannels.count))
        case 0xD808...0xD80C: return EdmiMeterRegister(float: 0.1, .none, "Factor")
        case 0xD8B0: return EdmiMeterRegister(time: survey.origin, "Time of entry 0")
        case 0xD840..<(0xD840 + UInt32(Self.atlasChannels.count)):
            return EdmiMeterRegister(.short, "Channel", Int16(bitPattern: Self.atlasChannels[Int(address - 0xD840)]))
        case 0xD815: return EdmiMeterRegister(.long, "First event", Int32(0))
        case 0xD81A: return EdmiMeterRegister(.long, "Last event", Int32(events.count))
        default: return nil
        }
    }

    /// Power off and on for every outage that is over, after the first start.
    private var events: [(code: UInt16, seconds: Int64)] {
        var events: [(code: UInt16, seconds: Int64)] = [(0x1010, survey.origin - survey.interval)]
        for outage in survey.outages where outage.upperBound <= memory.seconds {
            events.append((0x1000, outage.lowerBound))
            events.append((0x1010, outage.upperBound))
        }
        return events
    }

    private func atlasFile(_ inner: [UInt8]) -> [UInt8] {
        guard inner.count == 9 else { return EdmiMeterSimulator.cancel(5) }
        guard inner[1] == 0x30 || inner[1] == 0x32, inner[2] == 0 else { return EdmiMeterSimulator.cancel(3) }
        let isSurvey = inner[1] == 0x30
        let range = isSurvey ? stored : 0..<Int64(events.count)
        let width = isSurvey ? 2 * Self.atlasChannels.count + 1 : 6
        let start = number(inner, 3, 4)
        guard range.contains(start) else { return EdmiMeterSimulator.cancel(8) }
        let count = min(number(inner, 7, 2), Int64(Self.mostBytes / width), range.upperBound - start)
        var reply = [UInt8](inner[..<7]) + big(UInt16(truncatingIfNeeded: count))
        for entry in start..<(start + count) { reply += isSurvey ? atlasRecord(entry) : eventRecord(Int(entry)) }
        return reply
    }

    private func atlasRecord(_ number: Int64) -> [UInt8] {
        guard !survey.isMissing(number) else { return [UInt8](repeating: 0, count: 2 * Self.atlasChannels.count + 1) }
        var bytes: [UInt8] = []
        for channel in 0..<4 { bytes += little16(UInt16(clamping: advance(channel, number))) }
        return bytes + little16(UInt16(bitPattern: decivolts(number))) + [survey.isPartial(number) ? 0x07 : 0x01]
    }

    private func eventRecord(_ index: Int) -> [UInt8] {
        let event = events[index]
        let time = EdmiTime.secondsSince1996(CivilTime(seconds: event.seconds)) ?? 0
        return little16(event.code) + EdmiMeterRegister.bigEndian(time).reversed()
    }
}
