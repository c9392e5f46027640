import Metering

/// The name of a data stream at a connection point: a letter for quantity and direction, a character for the meter.
/// Direction is the *market's*: what a customer uses is "export" (E), what a solar system feeds in is "import" (B).
public struct NMISuffix: Hashable, Sendable, CustomStringConvertible {
    /// The two characters' codes.
    let letter: UInt8
    let place: UInt8

    /// Nil unless the text is a stream letter (A–H, J–N, P–V) and one of 1–9, A–H, J–N, P–Z.
    public init?(_ text: String) { self.init(text.utf8) }

    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 2, let letter = bytes.first, let place = bytes.dropFirst().first,
            Self.isLetter(letter), letter <= UInt8(ascii: "V"),
            (49...57).contains(place) || Self.isLetter(place)
        else { return nil }
        self.letter = letter
        self.place = place
    }

    /// The stream that a box's channel is, for the `place`-th register set (1…9) of a connection point.
    /// Nil beyond nine. Source: AEMO standard for metering data files, NMI suffix table (master streams).
    public init?(channel: Channel, place: Int = 1) {
        guard (1...9).contains(place) else { return nil }
        self.place = UInt8(48 + place)
        letter =
            switch channel {
            case .importWh: UInt8(ascii: "E")
            case .exportWh: UInt8(ascii: "B")
            case .importVarh: UInt8(ascii: "Q")
            case .exportVarh: UInt8(ascii: "K")
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) && byte != UInt8(ascii: "I") && byte != UInt8(ascii: "O")
    }

    public var text: String { String(decoding: [letter, place], as: UTF8.self) }
    public var description: String { text }

    /// The channel of a master stream, as the customer's side sees it; nil for check meters, averages and levels.
    public var channel: Channel? {
        switch letter {
        case UInt8(ascii: "E"): .importWh
        case UInt8(ascii: "B"): .exportWh
        case UInt8(ascii: "Q"): .importVarh
        case UInt8(ascii: "K"): .exportVarh
        default: nil
        }
    }

    /// The suffixes of an NMI configuration such as `E1B1Q1K1`; nil when a pair is none.
    static func list(_ configuration: String) -> [NMISuffix]? {
        var rest = configuration.utf8[...]
        var list: [NMISuffix] = []
        while !rest.isEmpty {
            guard let suffix = NMISuffix(rest.prefix(2)) else { return nil }
            list.append(suffix)
            rest = rest.dropFirst(2)
        }
        return list
    }

    /// Whether values of this stream may be in `unit`. D and J also name net streams, H and M other quantities:
    /// they are not judged.
    func allows(_ unit: Nem12Unit) -> Bool {
        switch letter {
        case UInt8(ascii: "A"), UInt8(ascii: "B"), UInt8(ascii: "C"), UInt8(ascii: "E"), UInt8(ascii: "F"):
            unit.quantity == .active
        case UInt8(ascii: "K"), UInt8(ascii: "L"), UInt8(ascii: "P"), UInt8(ascii: "Q"), UInt8(ascii: "R"):
            unit.quantity == .reactive
        case UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "U"): unit.quantity == .apparent
        case UInt8(ascii: "G"): unit.quantity == .powerFactor
        case UInt8(ascii: "V"): unit.quantity == .voltage || unit.quantity == .current
        default: true
        }
    }
}
