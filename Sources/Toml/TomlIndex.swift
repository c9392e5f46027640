import Metering

/// Where every key of a TOML text stands, in file order. It only has to recognise the parts, not to judge them:
/// what it lets pass TOMLKit still checks. What it cannot follow it refuses.
struct TomlIndex {
    /// A place in the text: its line and what stands there.
    struct Node {
        var line: Int
        var content: Content
    }

    /// The shape of a value.
    enum Content {
        case table([Member])
        case array([Node])
        /// A value as written, strings with their quotes.
        case literal(String)
    }

    /// A key and its place.
    struct Member {
        var key: String
        var node: Node
    }

    /// Deepest nesting of values and keys: a settings file needs four levels, the stack allows thousands.
    private static let deepest = 32

    private var scanner: TomlScanner
    private var depth = 0

    init(_ text: String, file: String) { scanner = TomlScanner(text, file: file) }

    /// The members of the root table.
    mutating func build() throws(SettingsFault) -> [Member] {
        var root: [Member] = []
        var path: [String] = []
        while true {
            scanner.skipBlank()
            guard let byte = scanner.peek() else { return root }
            let line = scanner.line
            if byte == UInt8(ascii: "[") {
                let isItem = scanner.next() == UInt8(ascii: "[")
                scanner.advance(isItem ? 2 : 1)
                path = try scanner.key()
                try scanner.expect(isItem ? "]]" : "]")
                let table = Node(line: line, content: .table([]))
                Self.insert(isItem ? Node(line: line, content: .array([table])) : table, at: path[...], in: &root)
            } else {
                let key = try scanner.key()
                try scanner.expect("=")
                Self.insert(try value(line: line), at: (path + key)[...], in: &root)
            }
        }
    }

    /// A value whose key stands on `line`.
    private mutating func value(line: Int? = nil) throws(SettingsFault) -> Node {
        scanner.skipSpaces()
        let line = line ?? scanner.line
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw scanner.fault("lists or tables lie too deep in one another") }
        switch scanner.peek() {
        case UInt8(ascii: "["): return Node(line: line, content: .array(try items()))
        case UInt8(ascii: "{"): return Node(line: line, content: .table(try inlineTable()))
        default: return Node(line: line, content: .literal(try scanner.literal()))
        }
    }

    private mutating func items() throws(SettingsFault) -> [Node] {
        scanner.advance(1)
        var items: [Node] = []
        while true {
            scanner.skipBlank()
            if scanner.take("]") { return items }
            items.append(try value())
            scanner.skipBlank()
            if !scanner.take(",") {
                try scanner.expect("]")
                return items
            }
        }
    }

    private mutating func inlineTable() throws(SettingsFault) -> [Member] {
        scanner.advance(1)
        var members: [Member] = []
        while true {
            scanner.skipBlank()
            if scanner.take("}") { return members }
            let line = scanner.line
            let key = try scanner.key()
            try scanner.expect("=")
            Self.insert(try value(line: line), at: key[...], in: &members)
            scanner.skipBlank()
            if !scanner.take(",") {
                try scanner.expect("}")
                return members
            }
        }
    }

    /// Puts a node at a path below `members`; a path through an array of tables means its last item.
    private static func insert(_ node: Node, at path: ArraySlice<String>, in members: inout [Member]) {
        guard let key = path.first else { return }
        let rest = path.dropFirst()
        guard let index = members.firstIndex(where: { $0.key == key }) else {
            var new = node
            if !rest.isEmpty {
                var below: [Member] = []
                insert(node, at: rest, in: &below)
                new = Node(line: node.line, content: .table(below))
            }
            members.append(Member(key: key, node: new))
            return
        }
        merge(node, at: rest, into: &members[index].node)
    }

    private static func merge(_ node: Node, at rest: ArraySlice<String>, into existing: inout Node) {
        switch existing.content {
        case .table(var below):
            // A table header after its sub tables: the header's line is the better place.
            if rest.isEmpty { existing.line = node.line } else { insert(node, at: rest, in: &below) }
            existing.content = .table(below)
        case .array(var items):
            if rest.isEmpty, case .array(let new) = node.content {
                items += new
            } else if var last = items.popLast() {
                merge(node, at: rest, into: &last)
                items.append(last)
            }
            existing.content = .array(items)
        case .literal:
            break
        }
    }
}
