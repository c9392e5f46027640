import Metering

/// The command line's answers about the unit, asked again and again.
struct DemoTools {
    private let executable: String
    private let socket: String
    private let columns: Int
    private var supply: DemoTool?
    private var explanation: DemoTool?
    private var nextAt = Uptime(microseconds: 0)
    /// The round that was asked for has been answered.
    private(set) var hasReported = true
    private var isAsked = false

    private static let pause: Int64 = 1_500_000

    init(_ executable: String, socket: String, columns: Int) {
        self.executable = executable
        self.socket = socket
        self.columns = columns
    }

    /// A verb of the command line.
    func run(_ arguments: String...) throws(SimulatorFailure) -> DemoTool {
        try DemoTool(executable, arguments + ["--socket", socket], columns: columns)
    }

    /// Asks anew: `hasReported` says when the answers are there.
    mutating func ask(_ now: Uptime) {
        isAsked = true
        hasReported = false
        nextAt = now
    }

    /// Takes answers, asks again when it is time.
    mutating func look(_ now: Uptime, picture: inout CreditPicture) throws(SimulatorFailure) {
        if let answer = supply?.answer() {
            supply = nil
            picture.supply = answer.lines
        }
        if let answer = explanation?.answer() {
            explanation = nil
            picture.explanation = answer.lines
        }
        guard supply == nil, explanation == nil else { return }
        if !isAsked { hasReported = true }
        guard now >= nextAt else { return }
        isAsked = false
        nextAt = now + Self.pause
        supply = try run("supply", "show", DemoCredit.unit)
        explanation = try run("credit", "explain", DemoCredit.unit)
    }
}
