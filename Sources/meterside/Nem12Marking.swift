import Intervals
import Metering

/// The box's quality, method and reason as the market's numbers (AEMO meter data file format, appendices on quality
/// methods and reason codes).
enum Nem12Marking {
    /// An interval that the box never stated anything about: null data.
    static let unsaid = Nem12Mark(.null, reason: 78)

    /// The mark of an item of `interval list`.
    static func mark(_ item: JSONValue, hasValue: Bool) -> Nem12Mark {
        let method = item["method"]?.string ?? ""
        let word = item["reason"]?.string ?? ""
        let quality = item["quality"]?.string.flatMap(QualityFlag.init(rawValue:)) ?? .null
        guard hasValue, quality != .null else { return reasoned(Nem12Mark(.null), word, otherwise: 78) }
        switch quality {
        case .actual:
            let mark = reasoned(.actual, word, otherwise: nil)
            // Of the reasons for an actual value only the market's own are written.
            return mark.reason == outage ? mark : .actual
        case .estimated, .varies, .null:
            return reasoned(Nem12Mark(.estimated, method: number(method)), word, otherwise: nil)
        case .substituted, .finalSubstitute:
            return reasoned(Nem12Mark(quality, method: number(method)), word, otherwise: 77)
        }
    }

    /// The market's method: its own number where the box names one, 17 (linear) for interpolation between readings,
    /// 12 (calculated) for a difference of registers that is in doubt.
    private static func number(_ method: String) -> Int {
        if let number = Int(method), [11...25, 51...59, 61...69, 71...75].contains(where: { $0.contains(number) }) {
            return number
        }
        return method == "interpolated" ? 17 : 12
    }

    /// - Parameter otherwise: the code when the box gave no reason.
    private static func reasoned(_ mark: Nem12Mark, _ word: String, otherwise: Int?) -> Nem12Mark {
        var mark = mark
        mark.reason = otherwise
        guard !word.isEmpty, word != "none" else { return mark }
        if let code = NoData(rawValue: word).map(code) ?? surveyCode(word) {
            mark.reason = code
        } else if let number = Int(word), (1...99).contains(number) {
            mark.reason = number
        } else {
            // Free text: what the market has no number for.
            let plain = word.utf8.filter { (0x20...0x7E).contains($0) && $0 != 0x2C && $0 != 0x22 }.prefix(240)
            mark.reason = plain.isEmpty ? otherwise : 0
            mark.text = String(decoding: plain, as: UTF8.self)
        }
        return mark
    }

    /// The power failed in the interval.
    private static let outage = 79

    /// What a meter's own load survey says of an interval.
    private static func surveyCode(_ word: String) -> Int? {
        switch word {
        case "power_failed": outage
        // Data missing.
        case "not_recorded": 85
        // Short interval.
        case "incomplete": 80
        // Failed validation.
        case "calibration_lost": 45
        // Meter changed.
        case IntervalGap.replacedReason: 1
        default: nil
        }
    }

    private static func code(_ reason: NoData) -> Int {
        switch reason {
        // Communication fault.
        case .timeout, .refused, .portDown: 76
        // CRC error.
        case .badChecksum: 82
        // Data missing.
        case .notPresent, .invalid, .off: 85
        // Failed validation.
        case .unconfirmed, .wrongMeter: 45
        // Clock error.
        case .clock: 86
        // Reset.
        case .registerReset: 87
        }
    }
}

extension QualityFlag {
    /// For people.
    var words: String {
        switch self {
        case .actual: "actual"
        case .estimated: "estimated"
        case .finalSubstitute: "final substitute"
        case .null: "null"
        case .substituted: "substituted"
        case .varies: "varies"
        }
    }
}
