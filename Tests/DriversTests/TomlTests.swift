import Metering
import Testing
import Toml

/// TOML text to a tree with places.
struct TomlTests {
    private func tree(_ text: String) throws -> [String] {
        var lines: [String] = []
        show(try Toml.read(text, file: "f.toml"), "", &lines)
        return lines
    }

    private func show(_ node: SettingsNode, _ path: String, _ lines: inout [String]) {
        switch node.value {
        case .string(let text): lines.append("\(node.line) \(path) \"\(text)\"")
        case .integer(let number): lines.append("\(node.line) \(path) \(number)")
        case .decimal(let text): lines.append("\(node.line) \(path) d\(text)")
        case .time(let text): lines.append("\(node.line) \(path) t\(text)")
        case .bool(let flag): lines.append("\(node.line) \(path) \(flag)")
        case .array(let items):
            lines.append("\(node.line) \(path) []")
            for (index, item) in items.enumerated() { show(item, "\(path).\(index)", &lines) }
        case .table(let members):
            lines.append("\(node.line) \(path) {}")
            for member in members { show(member.node, "\(path).\(member.key)", &lines) }
        }
    }

    private func fault(_ text: String) -> SettingsFault? {
        do {
            _ = try Toml.read(text, file: "f.toml")
            return nil
        } catch {
            return error
        }
    }

    @Test func read_keepsLinesAndFileOrder_ofEveryForm() throws {
        let text = """
            # a comment with = and [brackets]
            zebra = "last = [first]"  # not a key
            alpha = 1_000
            hex = 0xFF

            [box]
            id = 'C:\\box'
            dotted.inner = true
            dotted.other = -1.50

            [[port]]
            name = "a"
            [port.extra]
            x = 1
            [[port]]
            name = "b"
            list = [
              1, # one
              2.0,
              { k = "v", "quoted key" = 3 },
            ]
            """
        #expect(
            try tree(text) == [
                "1  {}",
                "2 .zebra \"last = [first]\"",
                "3 .alpha 1000",
                "4 .hex 255",
                "6 .box {}",
                "7 .box.id \"C:\\box\"",
                "8 .box.dotted {}",
                "8 .box.dotted.inner true",
                "9 .box.dotted.other d-1.50",
                "11 .port []",
                "11 .port.0 {}",
                "12 .port.0.name \"a\"",
                "13 .port.0.extra {}",
                "14 .port.0.extra.x 1",
                "15 .port.1 {}",
                "16 .port.1.name \"b\"",
                "17 .port.1.list []",
                "18 .port.1.list.0 1",
                "19 .port.1.list.1 d2.0",
                "20 .port.1.list.2 {}",
                "20 .port.1.list.2.k \"v\"",
                "20 .port.1.list.2.quoted key 3",
            ])
    }

    @Test func read_keepsFractionsAsWritten() throws {
        let text = "a = 0.1000000000000000055\nb = +1_0.5e-3\nc = nan\nd = -inf"
        #expect(
            try tree(text) == [
                "1  {}", "1 .a d0.1000000000000000055", "2 .b d10.5e-3", "3 .c dnan", "4 .d d-inf",
            ])
    }

    @Test func read_keepsDatesAsWritten() throws {
        let text = "a = 2026-03-02T07:30:00Z\nb = 2026-03-02 07:30:00+10:00 # c\nc = 2026-03-02\nd = [2026-03-02, 1]"
        #expect(
            try tree(text) == [
                "1  {}", "1 .a t2026-03-02T07:30:00Z", "2 .b t2026-03-02 07:30:00+10:00", "3 .c t2026-03-02",
                "4 .d []", "4 .d.0 t2026-03-02", "4 .d.1 1",
            ])
    }

    @Test func read_followsStringsOverSeveralLines() throws {
        let text = "a = \"\"\"\nx = 1 \\\" \"\"\nb = 2\"\"\"\nc = '''\n[no]\n''''\nd = \"\\\\\"\ne = ''"
        #expect(
            try tree(text) == [
                "1  {}", "1 .a \"x = 1 \" \"\"\nb = 2\"", "4 .c \"[no]\n'\"", "7 .d \"\\\"", "8 .e \"\"",
            ])
    }

    @Test func read_countsLinesOfWindowsFiles() throws {
        #expect(try tree("a = 1\r\n\r\n[t]\r\nb = 2\r\n") == ["1  {}", "1 .a 1", "3 .t {}", "4 .t.b 2"])
    }

    @Test func read_givesTheHeadersLine_whenSubTablesComeFirst() throws {
        #expect(try tree("[a.b]\nx = 1\n[a]\ny = 2") == ["1  {}", "3 .a {}", "1 .a.b {}", "2 .a.b.x 1", "4 .a.y 2"])
    }

    @Test(arguments: [
        ("a = 1\nb = 2\na = 3\n", 3), ("[t]\nx = 1\n[t]\n", 3), ("a = \n", 1), ("a = 1\nb = \"x\n", 2),
        ("x = 1\n[unclosed\n", 2), ("a = 1 2\n", 1), ("\n\n= 3\n", 3), ("a = 1\n[a.b]\n", 2), ("a = 08\n", 1),
        ("a = 1\n[[a]]\n", 2), ("a = 99999999999999999999\n", 1), ("ok = 1\n\u{1}\n", 2),
    ])
    func read_refusesWithTheLine_whenTextIsNoToml(_ text: String, _ line: Int) {
        let found = fault(text)
        #expect(found?.line == line, "\(String(describing: found))")
        #expect(found?.file == "f.toml")
        #expect(found?.message.hasPrefix("not valid TOML: ") == true)
    }

    @Test func read_namesTheKey_whenItStandsTwice() {
        #expect(fault("a = 1\na = 2")?.description.contains("'a'") == true)
    }

    @Test func read_refusesZeroCharacters() {
        #expect(fault("a = 1\nb = \"x\0y\"")?.line == 2)
        #expect(fault("a = \"x\\u0000y\"")?.line == 1)
        #expect(fault("a = \"x\\\\u0000y\"") == nil)
    }

    @Test(arguments: [
        "[]", "[=]", "[[]]", "[.a]", "[a.]", "[a..b]", "a. = 1", "[[a]", "[a]]", "{", "a = {=}", "a = [,]", "=",
        "\"\"\"a\"\"\" = 1",
    ])
    func read_refusesMalformedKeys_withoutEndingTheProcess(_ text: String) {
        #expect(fault(text)?.line == 1)
    }

    @Test func read_refusesDeepNesting() {
        #expect(fault("a = " + String(repeating: "[", count: 100_000))?.line == 1)
        #expect(fault("a" + String(repeating: ".a", count: 100_000) + " = 1")?.line == 1)
    }

    @Test func read_takesEmptyTextAndComments() throws {
        #expect(try tree("") == ["1  {}"])
        #expect(try tree("\u{FEFF}# only\n# this") == ["1  {}"])
    }

    @Test func read_survivesDamage_ofAnyOneByte() throws {
        let text =
            "[[meter]]\nserial = \"1\\\"2\" # x\nscale = 1.5\nlist = [1, {a = 'b'}]\n[meter.sub]\nt = 2026-01-01\n"
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            for replacement in Array("[]{}\"'=.,#\n\\1a ".utf8) {
                var damaged = bytes
                damaged[index] = replacement
                // Either a tree or a fault with a line of the file: never a crash.
                if let fault = fault(String(decoding: damaged, as: UTF8.self)) {
                    #expect((1...8).contains(fault.line), "\(fault)")
                    #expect(
                        !fault.message.contains("simpler form"),
                        "\(fault) in \(String(decoding: damaged, as: UTF8.self))")
                }
            }
        }
    }

    @Test func readFile_refusesWhatIsNoFile() {
        #expect(throws: SettingsFault.self) { try Toml.readFile("/nonexistent/meterside.toml") }
        #expect(throws: SettingsFault.self) { try Toml.readFile("/") }
    }
}
