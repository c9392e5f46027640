import Metering

/// The channel definition words of an Atlas survey (reference/edmi.md §6.2) and the factors of its instantaneous
/// channels.
enum AtlasSurveyChannels {
    /// V, A, power, angle, frequency, in the order of the registers D808…D80C.
    private enum Factor: Int {
        case volt, amp, power, angle, frequency
    }

    static func reader(_ survey: UInt32, count: Int) -> EdmiRegisterReader {
        var wanted: [(address: UInt32, type: EdmiType?)] = (0..<UInt32(count)).map {
            ((survey == 0 ? 0xD840 : 0xD860) + $0, .hexShort)
        }
        for register in UInt32(0xD808)...0xD80C { wanted.append((register, .float)) }
        return EdmiRegisterReader(wanted)
    }

    static func read(_ reader: EdmiRegisterReader, count: Int) -> Result<[EdmiSurveyChannel], EdmiFailure> {
        let factors = (0..<5).map { index -> DecimalValue? in
            guard case .number(let factor)? = reader.value(count + index), factor.mantissa != 0 else { return nil }
            return factor
        }
        var channels: [EdmiSurveyChannel] = []
        for index in 0..<count {
            guard let word = reader.integer(index, in: 0...0xFFFF) else {
                return .failure(reader.failure(index, "the definition of survey channel \(index)"))
            }
            channels.append(channel(Int(word), factors))
        }
        return .success(channels)
    }

    static func channel(_ word: Int, _ factors: [DecimalValue?]) -> EdmiSurveyChannel {
        let quantity = word & 0x0F
        let function = word >> 4 & 0x0F
        let source = UInt32(truncatingIfNeeded: word)
        if word & 0xFF == 0xFF {
            return EdmiSurveyChannel(
                name: "disabled", unit: "", source: source, channel: nil, coding: .unreadable(.notPresent))
        }
        if (8...11).contains(function) { return measured(word, factors) }
        let decimals = word >> 12 & 0x07
        // Pulse inputs and tests count something that only the installer knows.
        guard function <= 6, quantity <= 11 else {
            return EdmiSurveyChannel(
                name: "function \(function)", unit: "", source: source, channel: nil,
                coding: .counted(power: -decimals))
        }
        let units = ["Wh", "varh", "VAh"]
        let phases = ["A", "B", "C", "total"]
        let functions = ["all", "positive", "negative", "Q1", "Q2", "Q3", "Q4"]
        return EdmiSurveyChannel(
            name: "\(units[quantity / 4]) \(phases[quantity % 4]) \(functions[function])", unit: units[quantity / 4],
            source: source, channel: cumulative(quantity: quantity, function: function),
            coding: .counted(power: 3 * (word >> 10 & 0x03) - decimals))
    }

    private static func cumulative(quantity: Int, function: Int) -> Channel? {
        switch (quantity, function) {
        case (3, 1): .importWh
        case (3, 2): .exportWh
        case (7, 1): .importVarh
        case (7, 2): .exportVarh
        default: nil
        }
    }

    /// Instantaneous channels: five bits say which quantity; decimals do not apply.
    private static func measured(_ word: Int, _ factors: [DecimalValue?]) -> EdmiSurveyChannel {
        let index = word & 0x1F
        let known: (name: String, unit: String, factor: Factor)? =
            switch index {
            case 0x00...0x02: ("I " + phase(index), "A", .amp)
            case 0x03...0x05: ("V " + phase(index - 3), "V", .volt)
            case 0x06...0x08: ("P " + phase(index - 6), "W", .power)
            case 0x09...0x0B: ("Q " + phase(index - 9), "var", .power)
            case 0x0C...0x0E: ("S " + phase(index - 12), "VA", .power)
            case 0x0F: ("frequency", "Hz", .frequency)
            case 0x10: ("I average", "A", .amp)
            case 0x11: ("V average", "V", .volt)
            case 0x12: ("P total", "W", .power)
            case 0x13: ("Q total", "var", .power)
            case 0x14: ("S total", "VA", .power)
            case 0x15...0x19: ("angle \(index - 0x14)", "°", .angle)
            // Unbalance and distortion: no source names a factor.
            default: nil
            }
        let coding =
            known.flatMap { factors[$0.factor.rawValue] }.map { EdmiSurveyChannel.Coding.measured(factor: $0) }
            ?? .unreadable(.invalid)
        return EdmiSurveyChannel(
            name: known?.name ?? "quantity \(index)", unit: known?.unit ?? "",
            source: UInt32(truncatingIfNeeded: word), channel: nil, coding: coding)
    }

    private static func phase(_ index: Int) -> String { ["A", "B", "C"][index] }
}
