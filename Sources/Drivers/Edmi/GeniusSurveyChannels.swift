import Metering

/// The channel registers of a Genius survey: source, size, type, unit, name, offset and factor of channels 0 (the
/// status) to n (reference/edmi.md §6.1).
enum GeniusSurveyChannels {
    /// Registers read for each channel, in this order.
    private static let columns: [(register: UInt32, type: EdmiType)] = [
        (0xE000, .hexLong), (0xE100, .short), (0xE200, .byte), (0xE300, .byte), (0xE400, .string), (0xE500, .short),
        (0xE800, .float),
    ]

    static func reader(_ base: UInt32, count: Int) -> EdmiRegisterReader {
        var wanted: [(address: UInt32, type: EdmiType?)] = []
        for channel in 0...count {
            for column in columns {
                wanted.append((base | column.register + UInt32(truncatingIfNeeded: channel), column.type))
            }
        }
        return EdmiRegisterReader(wanted)
    }

    /// The channels 1…count, and where in the record the status is.
    static func read(
        _ reader: EdmiRegisterReader, count: Int, width: Int
    ) -> Result<(channels: [EdmiSurveyChannel], statusOffset: Int), EdmiFailure> {
        var channels: [EdmiSurveyChannel] = []
        var statusOffset = 0
        for channel in 0...count {
            let row = channel * columns.count
            guard let size = reader.integer(row + 1, in: 0...Int64(width)),
                let offset = reader.integer(row + 5, in: 0...Int64(width)), offset + size <= Int64(width)
            else { return .failure(reader.failure(row + 1, "size or offset of survey channel \(channel)")) }
            if channel == 0 {
                guard size == 2 else { return .failure(.malformed("the survey's status is not 2 bytes wide")) }
                statusOffset = Int(offset)
            } else {
                channels.append(self.channel(reader, row, offset: Int(offset), size: Int(size)))
            }
        }
        return .success((channels, statusOffset))
    }

    private static func channel(
        _ reader: EdmiRegisterReader, _ row: Int, offset: Int, size: Int
    ) -> EdmiSurveyChannel {
        let letter = { (index: Int) in reader.integer(index, in: 0...255).map { UInt8(truncatingIfNeeded: $0) } }
        let source = reader.integer(row, in: 0...Int64(UInt32.max)).map { UInt32(truncatingIfNeeded: $0) } ?? 0
        var name = ""
        if case .text(let text)? = reader.value(row + 4) { name = EdmiText.trimmed(text) }
        var coding = EdmiSurveyChannel.Coding.unreadable(.invalid)
        // A factor of nothing would make every value a plausible zero.
        if let type = letter(row + 2).flatMap({ EdmiType(rawValue: $0) }), EdmiSurveyLayout.recordSize(type) == size,
            case .number(let factor)? = reader.value(row + 6), factor.mantissa != 0
        {
            coding = .genius(type: type, offset: offset, size: size, factor: factor)
        }
        return EdmiSurveyChannel(
            name: name, unit: letter(row + 3).flatMap { EdmiUnit(rawValue: $0)?.text } ?? "", source: source,
            channel: cumulative(source), coding: coding)
    }

    /// The four totals by their source register, named as the meter names them.
    private static func cumulative(_ source: UInt32) -> Channel? {
        switch source & 0xFFFF {
        case 0xE397: .importWh
        case 0xE393: .exportWh
        case 0xE39F: .importVarh
        case 0xE39B: .exportVarh
        default: nil
        }
    }
}
