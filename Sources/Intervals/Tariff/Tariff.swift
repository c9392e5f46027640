import Metering

/// A price plan for energy (contract §9): bands by time, blocks by use, a standing charge and VAT.
/// Money is in micro-units of the currency, energy in watt-hours.
public struct Tariff: Hashable, Codable, Sendable {
    /// A price. Bands of one name are its blocks.
    public struct Band: Hashable, Codable, Sendable {
        public var name: String
        /// Micro-units of money for a unit of the tariff, not negative.
        public var rateMicro: Int64
        /// The use of this name since the block reset, in Wh, from which the price holds.
        public var fromQuantityWh: Int64

        public init(name: String, rateMicro: Int64, fromQuantityWh: Int64 = 0) {
            self.name = name
            self.rateMicro = rateMicro
            self.fromQuantityWh = fromQuantityWh
        }
    }

    /// When a band's name applies.
    public struct Window: Hashable, Codable, Sendable {
        public var band: String
        /// Bit 0 is Monday, bit 6 Sunday.
        public var days: UInt8
        /// Minutes after local midnight, 0…1439.
        public var from: Int
        /// Minutes after local midnight, 1…1440, not inclusive. Below `from`: it lasts into the next day, whose
        /// weekday and season do not matter.
        public var to: Int
        /// Nil all year.
        public var season: Season?

        public init(band: String, days: UInt8 = 0x7F, from: Int, to: Int, season: Season? = nil) {
            self.band = band
            self.days = days
            self.from = from
            self.to = to
            self.season = season
        }
    }

    /// A part of every year, both days included; it may go over new year.
    public struct Season: Hashable, Codable, Sendable {
        /// Month × 100 + day.
        public var from: Int
        /// Month × 100 + day.
        public var to: Int

        public init(from: Int, to: Int) {
            self.from = from
            self.to = to
        }

        /// Whether the date (month × 100 + day) is inside.
        func contains(_ date: Int) -> Bool {
            from <= to ? date >= from && date <= to : date >= from || date <= to
        }
    }

    /// When the use that selects a block starts again at zero.
    public enum BlockReset: String, Codable, Sendable, CaseIterable {
        case day, month
    }

    public var id: Int64
    public var standingMicroPerDay: Int64
    /// Hundredths of a percent.
    public var vatBasisPoints: Int64
    public var validFrom: WallTime?
    public var bands: [Band]
    public var windows: [Window]
    public var blocks: BlockReset?
    /// A feed-in tariff: it gives money for what an export channel counts, and no import channel is charged by it.
    public var isExport: Bool
    /// What a rate is the price of.
    public var unit: TariffUnit

    /// Names in the order of their first band. Charges and schedules number them so.
    public var names: [String] {
        var names: [String] = []
        for band in bands where !names.contains(band.name) { names.append(band.name) }
        return names
    }

    /// - Parameters:
    ///   - standingMicroPerDay: for each local day.
    ///   - vatBasisPoints: on top of everything, hundredths of a percent.
    init(
        id: Int64, standingMicroPerDay: Int64, vatBasisPoints: Int64, validFrom: WallTime?, bands: [Band],
        windows: [Window], blocks: BlockReset?, isExport: Bool = false, unit: TariffUnit = .kilowattHour
    ) {
        self.unit = unit
        self.isExport = isExport
        self.id = id
        self.standingMicroPerDay = standingMicroPerDay
        self.vatBasisPoints = vatBasisPoints
        self.validFrom = validFrom
        self.bands = bands
        self.windows = windows
        self.blocks = blocks
    }
}

/// Why a tariff value is refused.
public struct TariffFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// `bands[1].rate_micro`; empty for the value itself.
    public var field: String
    /// What is wrong and what is allowed.
    public var message: String

    public init(field: String, message: String) {
        self.field = field
        self.message = message
    }

    public var description: String { field.isEmpty ? message : "\(field): \(message)" }
}
