import Metering

/// What the story of prepaid supply shows.
struct CreditPicture {
    /// One chapter and how it came out.
    struct Line {
        var title: String
        /// Nil until it happened.
        var told: String?
    }

    var lines: [Line] = DemoCredit.Chapter.allCases.map { Line(title: $0.title) }
    /// What the customer sees, as the daemon wrote it.
    var display: [String] = []
    /// What is being done now.
    var doing = ""
    var contact = "not seen yet"
    var speed: Int64 = 1
    /// The newest answers of the command line.
    var supply: [String] = []
    var explanation: [String] = []
    /// The unit's newest records, as they came over MQTT.
    private(set) var records: [String] = []
    private var isLastCharge = false

    static let supplyCommand = "meterside supply show \(DemoCredit.unit)"
    static let explainCommand = "meterside credit explain \(DemoCredit.unit)"
    private static let remembered = 8

    /// Notes a record; of charges, which come all the time, only the newest.
    mutating func note(_ entry: CloudStore.JournalEntryText) {
        let isCharge = entry.kind == "credit.charged"
        if isCharge, isLastCharge { records.removeLast() }
        isLastCharge = isCharge
        records.append("#\(entry.seq) \(entry.kind) \(Self.words(entry))")
        if records.count > Self.remembered { records.removeFirst() }
    }

    /// The members that say what happened.
    private static func words(_ entry: CloudStore.JournalEntryText) -> String {
        let names = [
            "setting", "mode", "credit", "payment_id", "amount_micro", "decided", "order", "observed", "reason", "held",
            "by", "command", "code", "balance_micro",
        ]
        return names.compactMap { name in
            switch entry.data[name] {
            case .string(let text)?: "\(name)=\(text.prefix(24))"
            case .integer(let number)?: "\(name)=\(number)"
            case .bool(let flag)?: flag ? name : nil
            default: nil
            }
        }.joined(separator: " ")
    }
}

/// Local time of the demonstration's home, which has no daylight saving.
enum DemoZone {
    static let name = "Brisbane"
    private static let offset: Int64 = 36_000
    private static let day: Int64 = 86_400

    /// `Sat 15:24`
    static func text(_ time: WallTime) -> String {
        let local = time.seconds + offset
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let weekday = days[Int((local.flooredQuotient(by: day) + 3).flooredRemainder(by: 7))]
        return weekday + " " + WallTime(seconds: local).textSeconds.dropFirst(11).prefix(5)
    }

    /// The next time that the clock there shows `minute` of the day.
    static func next(minute: Int64, after time: WallTime) -> WallTime {
        let local = time.seconds + offset
        let today = local - local.flooredRemainder(by: day) + minute * 60
        return WallTime(seconds: (today > local ? today : today + day) - offset)
    }
}
