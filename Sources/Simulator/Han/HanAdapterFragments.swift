import Drivers
import Metering

/// What the adapter prints.
extension HanAdapterSimulator {
    /// The two addresses that begin most fragments; without a link there is no meter to name.
    var heads: [HanElement.Child] {
        [
            .init(name: "DeviceMacId", text: "0x\(settings.device.text)"),
            .init(name: "MeterMacId", text: isConnected ? "0x\(settings.meter.text)" : "0xffffffffffffffff"),
        ]
    }

    private var formatting: [HanElement.Child] {
        [
            .init(name: "Multiplier", text: HanAdapterText.hex(UInt64(settings.multiplier), 8)),
            .init(name: "Divisor", text: HanAdapterText.hex(UInt64(settings.divisor), 8)),
            .init(name: "DigitsRight", text: "0x03"), .init(name: "DigitsLeft", text: "0x06"),
            .init(name: "SuppressLeadingZero", text: "Y"),
        ]
    }

    func connection(_ name: String) -> HanElement {
        let isJoined = isConnected
        return HanElement(
            name: name,
            children: [
                .init(name: "DeviceMacId", text: "0x\(settings.device.text)"),
                .init(name: "CoordMacId", text: isJoined ? "0x\(settings.meter.text)" : "0xffffffffffffffff"),
                .init(name: "Status", text: status), .init(name: "Description", text: isJoined ? "Successful" : ""),
                .init(name: "StatusCode", text: isJoined ? "0x00" : ""),
                .init(name: "ExtPanId", text: "0x\(settings.meter.text)"), .init(name: "Channel", text: "20"),
                .init(name: "ShortAddr", text: "0xe1aa"), .init(name: "LinkStrength", text: isJoined ? "0x64" : "0x00"),
            ])
    }

    var device: HanElement {
        HanElement(
            name: "DeviceInfo",
            children: [
                .init(name: "DeviceMacId", text: "0x\(settings.device.text)"),
                .init(name: "InstallCode", text: "0x" + HanAdapterText.hex(settings.installCode.bytes)),
                .init(name: "LinkKey", text: "0x" + HanAdapterText.hex(settings.linkKey.bytes)),
                .init(name: "FWVersion", text: "2.0.0 (7400)"), .init(name: "HWVersion", text: "1.2.5"),
                .init(name: "ImageType", text: "0x1301"), .init(name: "Manufacturer", text: "Meterside simulator"),
                .init(name: "ModelId", text: "Z105-2-EMU2-LEDD_JM"), .init(name: "DateCode", text: "2026010100000001"),
            ])
    }

    var meterList: HanElement {
        var children = [HanElement.Child(name: "DeviceMacId", text: "0x\(settings.device.text)")]
        if isConnected { children.append(.init(name: "MeterMacId", text: "0x\(settings.meter.text)")) }
        return HanElement(name: "MeterList", children: children)
    }

    var meterInfo: HanElement {
        HanElement(
            name: "MeterInfo",
            children: heads + [
                .init(name: "MeterType", text: "electric"), .init(name: "NickName", text: ""),
                .init(name: "Account", text: ""), .init(name: "Auth", text: ""), .init(name: "Host", text: ""),
                .init(name: "Enabled", text: "Y"),
            ])
    }

    func time(at time: WallTime) -> HanElement {
        HanElement(
            name: "TimeCluster",
            children: heads + [
                .init(name: "UTCTime", text: isConnected ? HanAdapterText.time(time) : "0xffffffff"),
                .init(
                    name: "LocalTime",
                    text: isConnected ? HanAdapterText.time(time + settings.zoneMinutes * 60_000) : "0xffffffff"),
            ])
    }

    func demand(at time: WallTime) -> HanElement {
        let watts = isConnected ? settings.load.power(at: time) : 0
        // 24 bits, two's complement.
        return HanElement(
            name: "InstantaneousDemand",
            children: heads + [
                .init(name: "TimeStamp", text: isConnected ? HanAdapterText.time(time) : "0xffffffff"),
                .init(name: "Demand", text: HanAdapterText.hex(UInt64(watts & 0xFF_FFFF), 6)),
            ] + formatting)
    }

    func summation(at time: WallTime) -> HanElement {
        func register(_ milliwattHours: Int64) -> String {
            HanAdapterText.hex(isConnected ? UInt64(max(0, milliwattHours / 1000)) : 0, 16)
        }
        return HanElement(
            name: "CurrentSummationDelivered",
            children: heads + [
                .init(name: "TimeStamp", text: isConnected ? HanAdapterText.time(time) : "0xffffffff"),
                .init(name: "SummationDelivered", text: register(imported(at: time))),
                .init(name: "SummationReceived", text: register(settings.load.exported(at: time))),
            ] + formatting)
    }

    func price(at time: WallTime) -> HanElement {
        HanElement(
            name: "PriceCluster",
            children: heads + [
                .init(name: "TimeStamp", text: HanAdapterText.time(time)),
                .init(name: "Price", text: HanAdapterText.hex(isConnected ? UInt64(settings.price) : 0xFFFF_FFFF, 8)),
                .init(name: "Currency", text: HanAdapterText.hex(UInt64(settings.currency), 4)),
                .init(name: "TrailingDigits", text: "0x04"), .init(name: "Tier", text: "0x01"),
                .init(name: "StartTime", text: HanAdapterText.time(time)), .init(name: "Duration", text: "0xffff"),
                .init(name: "RateLabel", text: "Flat"),
            ])
    }
}

/// Fragments as bytes, well made or not.
enum HanAdapterText {
    static func hex(_ value: UInt64, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// Seconds since 2000.
    static func time(_ time: WallTime) -> String {
        hex(UInt64(min(max(0, time.seconds - 946_684_800), 0xFFFF_FFFE)), 8)
    }

    static func bytes(_ element: HanElement, number: Int, isBroken: Bool) -> [UInt8] {
        guard isBroken else { return Array(text(element).utf8) }
        switch number % 6 {
        case 1: return Array(text(element) { $0.lowercased() }.utf8)
        case 2: return Array(text(element) { $0.count > 6 ? String($0.prefix(3) + $0.dropFirst(4)) : $0 }.utf8)
        case 3: return [0xFF, 0x00, 0x3C, 0x21] + Array(">><Val".utf8) + Array(text(element).utf8)
        case 4:
            let whole = Array(text(element).utf8)
            return Array(whole.prefix(whole.count * 2 / 3))
        default: return Array(text(element).utf8)
        }
    }

    private static func text(_ element: HanElement, closing: (String) -> String = { $0 }) -> String {
        var text = "<\(element.name)>\r\n"
        for child in element.children {
            text += "  <\(child.name)>\(escaped(child.text))</\(closing(child.name))>\r\n"
        }
        return text + "</\(element.name)>\r\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case "&": result += "&amp;"
            default: result.unicodeScalars.append(scalar.isASCII ? scalar : "?")
            }
        }
        return result
    }
}
