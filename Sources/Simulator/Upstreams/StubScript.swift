import Metering

/// How a stub server misbehaves.
public enum StubTrouble: Hashable, Sendable {
    /// Answers this status without doing anything; with `Retry-After` when seconds are given.
    case status(Int, retryAfter: Int?)
    /// Does it and never answers.
    case hang
    /// Neither does it nor answers.
    case deaf
    /// Does it and answers a byte at a time, with so many milliseconds between them.
    case drip(Int)
    /// Does nothing and answers 200 with what is no JSON.
    case garbage
    /// Does it and answers about something else.
    case wrongIDs
    /// Does nothing and sends the client to this address.
    case redirect(String)
    /// Does it and closes the connection in the middle of the answer.
    case cut
    /// Does nothing and answers with an endless body.
    case flood

    /// Whether the system behind does what was asked.
    public var isDone: Bool {
        switch self {
        case .hang, .drip, .wrongIDs, .cut: true
        case .status, .deaf, .garbage, .redirect, .flood: false
        }
    }

    /// Reads `429`, `429:3`, `hang`, `deaf`, `drip`, `garbage`, `wrong-ids`, `redirect:http://…`, `cut`, `flood`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let argument = parts.count > 1 ? parts[1] : nil
        switch parts.first {
        case "hang"?: self = .hang
        case "deaf"?: self = .deaf
        case "drip"?: self = .drip(argument.flatMap { Int($0) } ?? 1000)
        case "garbage"?: self = .garbage
        case "wrong-ids"?: self = .wrongIDs
        case "redirect"?: self = .redirect(argument ?? "http://127.0.0.1:9/")
        case "cut"?: self = .cut
        case "flood"?: self = .flood
        case let word?:
            guard let status = Int(word), (100...599).contains(status) else { return nil }
            self = .status(status, retryAfter: argument.flatMap { Int($0) })
        case nil: return nil
        }
    }
}

/// Trouble to come: which requests, how often, what.
public struct StubScript: Hashable, Sendable {
    struct Line: Hashable, Sendable {
        /// The path begins so.
        var path: String
        /// Requests left alone before.
        var skip: Int
        var times: Int
        var trouble: StubTrouble
    }

    private var lines: [Line] = []

    public init() {}

    /// The next `times` requests whose path begins so get this trouble, after `skip` that do not.
    public mutating func add(_ trouble: StubTrouble, to path: String, times: Int = 1, skip: Int = 0) {
        lines.append(Line(path: path, skip: skip, times: times, trouble: trouble))
    }

    /// Reads `/mdp/connected 429:3 2`: path, trouble, times (default 1), requests before it (default 0).
    /// - Returns: false when it is none.
    public mutating func add(_ text: String) -> Bool {
        let words = text.split(separator: " ").map(String.init)
        guard words.count >= 2, words.count <= 4, words[0].hasPrefix("/"), let trouble = StubTrouble(words[1]) else {
            return false
        }
        let numbers = words.dropFirst(2).map { Int($0) }
        guard !numbers.contains(nil) else { return false }
        add(
            trouble, to: words[0], times: numbers.first.flatMap { $0 } ?? 1,
            skip: numbers.dropFirst().first.flatMap { $0 } ?? 0)
        return true
    }

    /// No more trouble.
    public mutating func clear() { lines = [] }

    /// The trouble for a request; it is used up.
    mutating func take(_ path: String) -> StubTrouble? {
        guard let index = lines.firstIndex(where: { $0.times > 0 && path.hasPrefix($0.path) }) else { return nil }
        if lines[index].skip > 0 {
            lines[index].skip -= 1
            return nil
        }
        lines[index].times -= 1
        return lines[index].trouble
    }
}
