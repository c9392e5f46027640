/// Cuts the endless stream of a HAN adapter into fragments. The stream is XML only in spirit: there is no prolog, tags
/// are closed in another case (`</name>`) or misspelt (`</ModlId>`), fragments are cut off by a reset, and noise comes
/// between them. So a closing tag need only be near, what was not closed is not used, and a known root always begins
/// anew.
public struct HanSplitter: Sendable {
    /// Longest fragment, bytes.
    public static let limit = 64 * 1024
    /// Longest tag, bytes.
    private static let tagLimit = 64

    /// What came out of the stream.
    public enum Piece: Hashable, Sendable {
        case element(HanElement)
        /// Something was dropped; the word says why: `truncated`, `too_long`, `noise`.
        case damage(String)
    }

    private enum State {
        case text
        case tag
    }

    private var state = State.text
    private var tag: [UInt8] = []
    private var text: [UInt8] = []
    private var root: String?
    private var child: String?
    private var children: [HanElement.Child] = []
    private var length = 0
    /// Noise outside of fragments is told once until the next good fragment.
    private var hasToldNoise = false

    public init() {}

    /// Forgets what has come in: the device was opened anew.
    public mutating func reset() { self = HanSplitter() }

    /// Takes bytes as they come, in pieces of any size.
    public mutating func feed(_ bytes: some Sequence<UInt8>) -> [Piece] {
        var pieces: [Piece] = []
        for byte in bytes { take(byte, &pieces) }
        return pieces
    }

    private mutating func take(_ byte: UInt8, _ pieces: inout [Piece]) {
        if root != nil {
            length += 1
            if length > Self.limit { return drop("too_long", &pieces) }
        }
        switch state {
        case .text where byte == UInt8(ascii: "<"):
            state = .tag
            tag.removeAll(keepingCapacity: true)
        case .text: keep(byte, &pieces)
        case .tag: takeTag(byte, &pieces)
        }
    }

    private mutating func keep(_ byte: UInt8, _ pieces: inout [Piece]) {
        if child != nil {
            text.append(byte)
        } else if root == nil, byte > 0x20, !hasToldNoise {
            hasToldNoise = true
            pieces.append(.damage("noise"))
        }
    }

    private mutating func takeTag(_ byte: UInt8, _ pieces: inout [Piece]) {
        switch byte {
        case UInt8(ascii: ">"):
            state = .text
            close(tag, &pieces)
        case UInt8(ascii: "<"):
            // What looked like a tag was text with a bare `<`.
            giveBack(&pieces)
            state = .tag
        default:
            let isFirst = tag.isEmpty
            tag.append(byte)
            let mayBegin = Self.isLetter(byte) || byte == UInt8(ascii: "/")
            if isFirst && !mayBegin || tag.count > Self.tagLimit { giveBack(&pieces) }
        }
    }

    private mutating func giveBack(_ pieces: inout [Piece]) {
        state = .text
        keep(UInt8(ascii: "<"), &pieces)
        for byte in tag { keep(byte, &pieces) }
        tag.removeAll(keepingCapacity: true)
    }

    private mutating func close(_ tag: [UInt8], _ pieces: inout [Piece]) {
        let isClosing = tag.first == UInt8(ascii: "/")
        let isEmpty = !isClosing && tag.last == UInt8(ascii: "/")
        let name = String(decoding: tag.drop { $0 == UInt8(ascii: "/") }.prefix(while: Self.isNamePart), as: UTF8.self)
        guard !name.isEmpty else { return }
        if isClosing { return closing(name, &pieces) }
        guard root != nil else { return begin(name, &pieces) }
        if HanElement.isRoot(name) {
            drop("truncated", &pieces)
            return begin(name, &pieces)
        }
        // A child that was never closed may be cut off in the middle of a number: it is not used.
        if child != nil { pieces.append(.damage("truncated")) }
        child = isEmpty ? nil : name
        text.removeAll(keepingCapacity: true)
        if isEmpty { children.append(HanElement.Child(name: name, text: "")) }
    }

    private mutating func begin(_ name: String, _ pieces: inout [Piece]) {
        // After a lost beginning children come without their root; they are told by having no children themselves.
        root = name
        child = nil
        children = []
        text.removeAll(keepingCapacity: true)
        length = 0
    }

    private mutating func closing(_ name: String, _ pieces: inout [Piece]) {
        guard let root else { return }
        if let open = child {
            child = nil
            if HanElement.isNear(name, open) {
                children.append(HanElement.Child(name: open, text: HanText.decode(text)))
                return
            }
            // Something in between is lost, and perhaps half of the value with it.
            pieces.append(.damage("truncated"))
            if HanElement.isNear(name, root) { finish(root, &pieces) }
            return
        }
        if HanElement.isNear(name, root) { finish(root, &pieces) }
    }

    private mutating func finish(_ name: String, _ pieces: inout [Piece]) {
        defer { root = nil }
        guard HanElement.isRoot(name) || !children.isEmpty else {
            if !hasToldNoise { pieces.append(.damage("noise")) }
            hasToldNoise = true
            return
        }
        hasToldNoise = false
        pieces.append(.element(HanElement(name: name, children: children)))
    }

    private mutating func drop(_ word: String, _ pieces: inout [Piece]) {
        pieces.append(.damage(word))
        root = nil
        child = nil
        children = []
        text = []
        length = 0
        state = .text
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 0x20) }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        isLetter(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "_")
    }
}

extension HanElement {
    /// Roots that adapters are known to send; none of them is the name of a child.
    private static let roots = [
        "ConnectionStatus", "NetworkInfo", "DeviceInfo", "TimeCluster", "InstantaneousDemand",
        "CurrentSummationDelivered", "CurrentSummation", "PriceCluster", "MessageCluster", "ScheduleInfo", "MeterInfo",
        "MeterList", "ProfileData", "CurrentPeriodUsage", "LastPeriodUsage", "BlockPriceDetail", "Warning", "Error",
    ]

    /// Whether a fragment begins with this name.
    static func isRoot(_ name: String) -> Bool { roots.contains(name) }

    /// Whether two names differ in case or in at most two letters at one place: how real adapters misspell.
    static func isNear(_ name: String, _ other: String) -> Bool {
        let left = name.utf8.map { $0 | 0x20 }
        let right = other.utf8.map { $0 | 0x20 }
        if left == right { return true }
        let longest = max(left.count, right.count)
        guard longest >= 6, abs(left.count - right.count) <= 2 else { return false }
        let common = zip(left, right).prefix { $0 == $1 }.count
        let rest = zip(left.dropFirst(common).reversed(), right.dropFirst(common).reversed()).prefix { $0 == $1 }.count
        return common + rest >= longest - 2
    }
}
