import Metering

/// Makes values of fragments. It holds the install code the box was given only to say whether the adapter's is the
/// same; what it gives out holds neither.
public struct HanDecoder: Sendable {
    private let installCode: InstallCode?

    public init(installCode: InstallCode? = nil) { self.installCode = installCode }

    /// The value of a fragment. A missing or damaged member is missing in the value, never the end of it.
    public func decode(_ element: HanElement) -> HanFragment {
        let fields = Fields(element)
        switch element.name {
        case "ConnectionStatus", "NetworkInfo": return connection(fields)
        case "DeviceInfo": return .device(device(fields))
        case "TimeCluster":
            return .time(HanClock(meter: fields.meter, utc: fields.time("UTCTime"), local: fields.time("LocalTime")))
        case "InstantaneousDemand":
            return .demand(HanDemand(meter: fields.meter, at: fields.time("TimeStamp"), kilowatts: fields.demand))
        case "CurrentSummationDelivered", "CurrentSummation": return .summation(summation(fields))
        case "PriceCluster": return .price(price(fields))
        case "MessageCluster": return .message(message(fields))
        case "ScheduleInfo":
            guard let event = fields.text("Event") else { return .other(name: element.name, why: "no Event") }
            return .schedule(
                HanSchedule(
                    meter: fields.meter, event: event, frequency: fields.integer("Frequency"),
                    isEnabled: fields.flag("Enabled") ?? false))
        case "MeterInfo":
            return .meterInfo(
                HanMeterInfo(
                    meter: fields.meter, type: fields.text("MeterType"), isEnabled: fields.flag("Enabled"),
                    nickName: fields.text("NickName")))
        case "MeterList":
            return .meterList(
                HanMeterList(
                    device: fields.address("DeviceMacId"), meters: element.texts("MeterMacId").compactMap(EUI64.init)))
        case "ProfileData": return .profile(profile(element, fields))
        case "CurrentPeriodUsage", "LastPeriodUsage":
            return .period(period(fields, isLast: element.name.hasPrefix("L")))
        case "Warning", "Error":
            return .warning(
                element.children.first.map { HanText.trimmed($0.text) }.flatMap { $0.isEmpty ? nil : $0 }
                    ?? "no reason given")
        default: return .other(name: element.name, why: "not known")
        }
    }

    private func connection(_ fields: Fields) -> HanFragment {
        guard let status = fields.text("Status") else {
            return .other(name: fields.element.name, why: "no Status")
        }
        let channel = fields.integer("Channel").flatMap { (11...26).contains($0) ? $0 : nil }
        return .connection(
            HanConnection(
                device: fields.address("DeviceMacId"), coordinator: fields.address("CoordMacId"),
                state: HanJoinState(status), description: fields.text("Description"),
                statusCode: fields.number("StatusCode")?.value, extendedPan: fields.text("ExtPanId"),
                channel: channel, shortAddress: fields.number("ShortAddr")?.value,
                linkStrength: fields.integer("LinkStrength").flatMap { (0...100).contains($0) ? $0 : nil }))
    }

    private func device(_ fields: Fields) -> HanDevice {
        var matches: Bool?
        if let installCode, let text = fields.text("InstallCode") {
            // The adapter may print the code without its CRC: then the beginning decides.
            let given = text.utf8.dropFirst(text.hasPrefix("0x") ? 2 : 0).compactMap(HanHexadecimal.digit)
            let known = installCode.secret.bytes.flatMap { [$0 >> 4, $0 & 15] }
            matches = !given.isEmpty && (given == known || given == known.dropLast(4))
        }
        return HanDevice(
            device: fields.address("DeviceMacId"), firmware: fields.text("FWVersion"),
            hardware: fields.text("HWVersion"), image: fields.text("ImageType"),
            manufacturer: fields.text("Manufacturer"), model: fields.text("ModelId"),
            dateCode: fields.text("DateCode"), installCodeMatches: matches)
    }

    private func summation(_ fields: Fields) -> HanSummation {
        HanSummation(
            meter: fields.meter, at: fields.time("TimeStamp"), delivered: fields.energy("SummationDelivered"),
            received: fields.energy("SummationReceived"), step: fields.scaled(1))
    }

    private func price(_ fields: Fields) -> HanPrice {
        var price: Result<DecimalValue, MissingValue> = .failure(MissingValue(.invalid))
        // All ones in 32 bits: the meter has no price.
        if let number = fields.number("Price"), number.value < 0xFFFF_FFFF, let raw = Int64(exactly: number.value) {
            let digits = fields.integer("TrailingDigits") ?? 0
            if (0...15).contains(digits), let value = DecimalValue(mantissa: raw).scaled(power: -digits) {
                price = .success(value)
            }
        }
        return HanPrice(
            meter: fields.meter, at: fields.time("TimeStamp"), price: price, currency: fields.integer("Currency"),
            tier: fields.integer("Tier"), label: fields.text("RateLabel") ?? fields.text("TierLabel"))
    }

    private func message(_ fields: Fields) -> HanMessage {
        HanMessage(
            meter: fields.meter, at: fields.time("TimeStamp"), id: fields.number("Id")?.value,
            text: fields.text("Text") ?? "", mustConfirm: fields.flag("ConfirmationRequired") ?? false,
            isConfirmed: fields.flag("Confirmed") ?? false, queue: fields.text("Queue"))
    }

    private func profile(_ element: HanElement, _ fields: Fields) -> HanProfile {
        var intervals: [UInt64?] = []
        for child in element.children where child.name.hasPrefix("IntervalData") {
            let number = HanNumber(HanText.trimmed(child.text))
            intervals.append(number.flatMap { $0.value == 0xFF_FFFF ? nil : $0.value })
        }
        return HanProfile(
            meter: fields.meter, end: fields.time("EndTime"), status: fields.integer("Status"),
            intervalPeriod: fields.integer("ProfileIntervalPeriod"), intervals: intervals)
    }

    private func period(_ fields: Fields, isLast: Bool) -> HanPeriodUsage {
        HanPeriodUsage(
            isLast: isLast, meter: fields.meter, start: fields.time("StartDate"), end: fields.time("EndDate"),
            usage: fields.energy(isLast ? "LastUsage" : "CurrentUsage"))
    }
}

/// The members of a fragment as values.
private struct Fields {
    /// The non-value of the Int24 that demand is (ZCL data types), also sign-extended to 32 bits.
    private static let noDemand: Int64 = -0x80_0000
    /// The non-value of the UInt48 that summation is (ZCL data types).
    private static let noEnergy: UInt64 = 0xFFFF_FFFF_FFFF

    let element: HanElement

    init(_ element: HanElement) { self.element = element }

    func text(_ name: String) -> String? { element.text(name) }
    func number(_ name: String) -> HanNumber? { element.text(name).flatMap { HanNumber($0) } }
    func integer(_ name: String) -> Int? { number(name).flatMap { Int(exactly: $0.value) } }
    func time(_ name: String) -> WallTime? { number(name).flatMap(\.time) }
    func address(_ name: String) -> EUI64? { element.text(name).flatMap { EUI64($0) } }
    var meter: EUI64? { address("MeterMacId") }

    func flag(_ name: String) -> Bool? {
        switch element.text(name) {
        case "Y", "y": true
        case "N", "n": false
        default: nil
        }
    }

    /// A raw count with the fragment's multiplier and divisor, both of which must have arrived whole.
    func scaled(_ raw: Int64) -> DecimalValue? {
        guard let multiplier = number("Multiplier"), let divisor = number("Divisor") else { return nil }
        return HanScale.value(raw, multiplier: multiplier.value, divisor: divisor.value)
    }

    var demand: Result<DecimalValue, MissingValue> {
        guard let raw = number("Demand")?.signed, raw != Self.noDemand, let value = scaled(raw) else {
            return .failure(MissingValue(.invalid))
        }
        return .success(value)
    }

    /// Energy is unsigned and at most 48 bits wide.
    func energy(_ name: String) -> Result<DecimalValue, MissingValue> {
        guard let number = number(name), number.value < Self.noEnergy, let value = scaled(Int64(number.value)) else {
            return .failure(MissingValue(.invalid))
        }
        return .success(value)
    }
}
