/// Unit letters of registers and survey channels (reference/edmi.md §4.2). Base units: Wh, W, V, A.
public enum EdmiUnit: UInt8, Hashable, Sendable, CaseIterable {
    case amp = 0x41
    case litrePerHour = 0x42
    case degree = 0x44
    case cubicMetrePerHour = 0x47
    case hertz = 0x48
    case joulePerHour = 0x49
    case joule = 0x4A
    case litre = 0x4C
    case minute = 0x4D
    case none = 0x4E
    case cubicMetre = 0x4F
    case percent = 0x50
    case powerFactor = 0x51
    case `var` = 0x52
    case voltAmp = 0x53
    case second = 0x54
    case unknown = 0x55
    case volt = 0x56
    case watt = 0x57
    case wattHour = 0x58
    case varHour = 0x59
    case voltAmpHour = 0x5A

    /// As printed; empty for a ratio and where the meter names none.
    public var text: String {
        switch self {
        case .amp: "A"
        case .litrePerHour: "L/h"
        case .degree: "°"
        case .cubicMetrePerHour: "m³/h"
        case .hertz: "Hz"
        case .joulePerHour: "J/h"
        case .joule: "J"
        case .litre: "L"
        case .minute: "min"
        case .none, .powerFactor, .unknown: ""
        case .cubicMetre: "m³"
        case .percent: "%"
        case .var: "var"
        case .voltAmp: "VA"
        case .second: "s"
        case .volt: "V"
        case .watt: "W"
        case .wattHour: "Wh"
        case .varHour: "varh"
        case .voltAmpHour: "VAh"
        }
    }
}

/// Text of a meter, made fit to show.
enum EdmiText {
    /// ASCII as it is, any other byte as `?`.
    static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// Without spaces at both ends.
    static func trimmed(_ text: String) -> String {
        var rest = Substring(text)
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
