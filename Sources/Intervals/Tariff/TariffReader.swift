import Metering

extension Tariff {
    /// Reads a tariff value strictly (contract §9): unknown members, wrong types, gaps and overlaps are refused.
    public init(_ value: JSONValue) throws(TariffFault) {
        let reader = TariffReader()
        let object = try reader.object(
            value, "",
            known: [
                "tariff_id", "unit", "channel", "standing_micro_per_day", "vat_bp", "valid_from", "bands", "times",
                "blocks",
            ])
        let channel = object["channel"] ?? "import_wh"
        guard channel == "import_wh" || channel == "export_wh" else {
            throw TariffFault(field: "channel", message: "allowed: \"import_wh\", \"export_wh\" (a feed-in tariff)")
        }
        let unit = try reader.unit(object["unit"])
        let blocks = try reader.blocks(object["blocks"])
        let bands = try reader.bands(object["bands"], hasBlocks: blocks != nil)
        let windows = try reader.windows(object["times"], names: bands.map(\.name))
        self.init(
            id: try reader.integer(object["tariff_id"], "tariff_id", 0...Int64.max, absent: 0),
            standingMicroPerDay: try reader.integer(
                object["standing_micro_per_day"], "standing_micro_per_day", 0...TariffReader.greatestMicro, absent: 0),
            vatBasisPoints: try reader.integer(object["vat_bp"], "vat_bp", 0...10_000, absent: 0),
            validFrom: try reader.time(object["valid_from"], "valid_from"), bands: bands, windows: windows,
            blocks: blocks, isExport: channel == "export_wh", unit: unit)
        try checkCover()
    }

    /// Every minute of every kind of day has exactly one name.
    private func checkCover() throws(TariffFault) {
        let timed = windows.map(\.band)
        let defaults = names.filter { !timed.contains($0) }
        guard defaults.count <= 1 else {
            throw TariffFault(
                field: "times",
                message: "\(defaults.joined(separator: ", ")) have no times; only one band, the default, may have none")
        }
        let schedule = TariffSchedule(self, zone: .fixed(0))
        let boundaries = schedule.boundaries
        var seen: [[Bool]] = []
        // A common and a leap year: every date with the one before it.
        let first = CivilTime(year: 2027, month: 1, day: 1).seconds / 86_400
        for day in first..<(first + 731) {
            let (date, before) = (TariffDay(day), TariffDay(day - 1))
            let seasons = windows.map { $0.isIn(date) } + windows.map { $0.isIn(before) }
            guard !seen.contains(seasons) else { continue }
            seen.append(seasons)
            for weekday in 0..<7 {
                let today = TariffDay(weekday: weekday, date: date.date)
                let yesterday = TariffDay(weekday: (weekday + 6) % 7, date: before.date)
                for minute in boundaries {
                    try checkMinute(schedule.windows(today, yesterday, minute: minute), hasDefault: !defaults.isEmpty)
                }
            }
        }
    }

    private func checkMinute(_ hits: [Int], hasDefault: Bool) throws(TariffFault) {
        guard let first = hits.first else {
            if hasDefault { return }
            throw TariffFault(
                field: "times", message: "leave some times without a band; add a band without times, the default")
        }
        if let other = hits.first(where: { windows[$0].band != windows[first].band }) {
            throw TariffFault(
                field: "times[\(other)]",
                message: "covers times that times[\(first)] covers for another band; a minute has one band")
        }
    }
}

/// Reads the members of a tariff value.
private struct TariffReader {
    /// Prices: a million of the currency.
    static let greatestMicro: Int64 = 1_000_000_000_000
    /// A thousand GWh.
    static let greatestWh: Int64 = 1_000_000_000_000
    static let mostBands = 64
    static let mostWindows = 128
    static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    func object(_ value: JSONValue?, _ field: String, known: [String]) throws(TariffFault) -> JSONObject {
        guard let object = value?.object else {
            throw TariffFault(field: field, message: "an object with \(known.joined(separator: ", "))")
        }
        if let unknown = object.names.first(where: { !known.contains($0) }) {
            let place = field.isEmpty ? unknown : "\(field).\(unknown)"
            throw TariffFault(field: place, message: "unknown; allowed: \(known.joined(separator: ", "))")
        }
        return object
    }

    func integer(
        _ value: JSONValue?, _ field: String, _ allowed: ClosedRange<Int64>, absent: Int64? = nil
    ) throws(TariffFault) -> Int64 {
        if value == nil, let absent { return absent }
        guard let number = value?.integer, allowed.contains(number) else {
            throw TariffFault(
                field: field, message: "allowed: an integer \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        return number
    }

    func time(_ value: JSONValue?, _ field: String) throws(TariffFault) -> WallTime? {
        guard let value else { return nil }
        guard let time = value.string.flatMap({ WallTime(text: $0) }) else {
            throw TariffFault(field: field, message: "allowed: a time such as \"2026-07-01T00:00:00Z\"")
        }
        return time
    }

    func unit(_ value: JSONValue?) throws(TariffFault) -> TariffUnit {
        guard let value else { return .kilowattHour }
        guard let unit = value.string.flatMap(TariffUnit.init(rawValue:)) else {
            let words = TariffUnit.allCases.map(\.rawValue).joined(separator: ", ")
            throw TariffFault(field: "unit", message: "allowed: \(words) (a rate is micro-units of money for one)")
        }
        return unit
    }

    func blocks(_ value: JSONValue?) throws(TariffFault) -> Tariff.BlockReset? {
        guard let value, value != .null else { return nil }
        let object = try object(value, "blocks", known: ["reset"])
        guard let reset = object["reset"]?.string.flatMap(Tariff.BlockReset.init(rawValue:)) else {
            throw TariffFault(field: "blocks.reset", message: "allowed: \"day\", \"month\"")
        }
        return reset
    }

    func bands(_ value: JSONValue?, hasBlocks: Bool) throws(TariffFault) -> [Tariff.Band] {
        guard let items = value?.array, (1...Self.mostBands).contains(items.count) else {
            throw TariffFault(field: "bands", message: "allowed: a list of 1 to \(Self.mostBands) bands")
        }
        var bands: [Tariff.Band] = []
        for (index, item) in items.enumerated() {
            let field = "bands[\(index)]"
            let object = try object(item, field, known: ["name", "rate_micro", "from_quantity_wh"])
            guard let name = object["name"]?.string, Identifier.isValid(name) else {
                throw TariffFault(field: "\(field).name", message: "allowed: 1 to 64 of A-Z a-z 0-9 _ . : -")
            }
            let band = Tariff.Band(
                name: name,
                rateMicro: try integer(object["rate_micro"], "\(field).rate_micro", 0...Self.greatestMicro),
                fromQuantityWh: try integer(
                    object["from_quantity_wh"], "\(field).from_quantity_wh", 0...Self.greatestWh, absent: 0))
            try check(band, after: bands.last { $0.name == name }, "\(field).from_quantity_wh", hasBlocks: hasBlocks)
            bands.append(band)
        }
        return bands
    }

    private func check(
        _ band: Tariff.Band, after last: Tariff.Band?, _ field: String, hasBlocks: Bool
    ) throws(TariffFault) {
        if let last {
            guard hasBlocks else {
                throw TariffFault(field: field, message: "two bands of one name are blocks; add blocks with its reset")
            }
            guard band.fromQuantityWh > last.fromQuantityWh else {
                throw TariffFault(field: field, message: "must be above \(last.fromQuantityWh), the block before it")
            }
        } else if band.fromQuantityWh != 0 {
            throw TariffFault(field: field, message: "the first block of a name starts at 0")
        }
    }

    func windows(_ value: JSONValue?, names: [String]) throws(TariffFault) -> [Tariff.Window] {
        guard let value else { return [] }
        guard let items = value.array, items.count <= Self.mostWindows else {
            throw TariffFault(field: "times", message: "allowed: a list of at most \(Self.mostWindows) times")
        }
        var windows: [Tariff.Window] = []
        for (index, item) in items.enumerated() {
            let field = "times[\(index)]"
            let object = try object(item, field, known: ["band", "days", "from", "to", "season"])
            guard let band = object["band"]?.string, names.contains(band) else {
                throw TariffFault(
                    field: "\(field).band", message: "allowed: a band's name: \(names.joined(separator: ", "))")
            }
            let from = try minute(object["from"], "\(field).from", absent: 0)
            var to = try minute(object["to"], "\(field).to", absent: 1440)
            // People write the midnight that ends a day either way.
            if to == 0, from > 0 { to = 1440 }
            guard from < 1440, to > 0, from != to else {
                throw TariffFault(
                    field: "\(field).to", message: "must differ from `from`; a whole day is 00:00 to 24:00")
            }
            windows.append(
                Tariff.Window(
                    band: band, days: try days(object["days"], "\(field).days"), from: from, to: to,
                    season: try season(object["season"], "\(field).season")))
        }
        return windows
    }

    private func days(_ value: JSONValue?, _ field: String) throws(TariffFault) -> UInt8 {
        guard let value else { return 0x7F }
        var days: UInt8 = 0
        for item in value.array ?? [] {
            guard let day = item.string.flatMap({ Self.dayNames.firstIndex(of: $0) }), days & 1 << UInt8(day) == 0
            else {
                throw TariffFault(field: field, message: "allowed: each of mon tue wed thu fri sat sun at most once")
            }
            days |= 1 << UInt8(day)
        }
        guard days != 0 else {
            throw TariffFault(field: field, message: "allowed: a list of one to seven of mon tue wed thu fri sat sun")
        }
        return days
    }

    /// `07:00`, in minutes.
    private func minute(_ value: JSONValue?, _ field: String, absent: Int) throws(TariffFault) -> Int {
        guard let value else { return absent }
        let bytes = Array((value.string ?? "").utf8)
        let digits = bytes.filter { (48...57).contains($0) }.map { Int($0) - 48 }
        if bytes.count == 5, bytes[2] == UInt8(ascii: ":"), digits.count == 4 {
            let minute = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
            if minute <= 1440, digits[2] < 6 { return minute }
        }
        throw TariffFault(field: field, message: "allowed: local time \"HH:MM\", \"00:00\" to \"24:00\"")
    }

    private func season(_ value: JSONValue?, _ field: String) throws(TariffFault) -> Tariff.Season? {
        guard let value, value != .null else { return nil }
        let object = try object(value, field, known: ["from", "to"])
        return Tariff.Season(
            from: try date(object["from"], "\(field).from"), to: try date(object["to"], "\(field).to"))
    }

    /// `--11-01`, as month × 100 + day.
    private func date(_ value: JSONValue?, _ field: String) throws(TariffFault) -> Int {
        let bytes = Array((value?.string ?? "").utf8)
        if bytes.count == 7, bytes[0] == 0x2D, bytes[1] == 0x2D, bytes[4] == 0x2D {
            let digits = [bytes[2], bytes[3], bytes[5], bytes[6]]
            if digits.allSatisfy({ (48...57).contains($0) }) {
                let numbers = digits.map { Int($0) - 48 }
                let month = numbers[0] * 10 + numbers[1]
                let day = numbers[2] * 10 + numbers[3]
                // 2000 is a leap year: 29 February may begin or end a season.
                if (1...12).contains(month), day >= 1, day <= CivilTime.daysIn(month: month, year: 2000) {
                    return month * 100 + day
                }
            }
        }
        throw TariffFault(field: field, message: "allowed: a day of the year \"--MM-DD\"")
    }
}
