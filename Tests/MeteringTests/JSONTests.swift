import Metering
import Testing

@Suite struct JSONTests {
    @Test func canonical_sortsByCodePointAtEveryDepth() {
        let value: JSONValue = ["b": 1, "a": ["é": true, "z": nil, "Z": "x"], "10": [3, -4]]
        #expect(
            String(decoding: JSONWriter.canonical(value), as: UTF8.self)
                == #"{"10":[3,-4],"a":{"Z":"x","z":null,"é":true},"b":1}"#)
    }

    @Test func canonical_escapesAsPythonDoes() {
        let value: JSONValue = .string("\"\\/\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}€😀")
        #expect(
            String(decoding: JSONWriter.canonical(value), as: UTF8.self)
                == #""\"\\/\n\r\t\b\f\u0001\u001f"# + "\u{7f}€😀\"")
    }

    @Test(arguments: [2, 3, 63, 64, 65, 200])
    func canonical_whenNamesComeInAnyOrder_sortsThem(_ count: Int) {
        var object = JSONObject()
        // 11 has no factor in common with the counts: every name once.
        for number in 0..<count { object["n\(number * 11 % count)"] = .integer(Int64(number)) }
        let names = object.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let text = names.map { "\"\($0)\":\(object[$0]?.integer ?? -1)" }.joined(separator: ",")
        #expect(String(decoding: JSONWriter.canonical(.object(object)), as: UTF8.self) == "{\(text)}")
    }

    @Test func write_ofIntegersAndOfTextsOfAnyLength_isExact() {
        let numbers: [Int64] = [0, 9, 10, -1, -10, 1_234_567_890_123_456_789, .max, .min]
        let text = numbers.map(String.init).joined(separator: ",")
        #expect(JSONWriter.compact(.array(numbers.map { .integer($0) })) == Array("[\(text)]".utf8))
        for length in 0..<40 {
            let plain = String(repeating: "ä", count: length)
            #expect(JSONWriter.compact(.string(plain)) == Array("\"\(plain)\"".utf8))
            #expect(JSONWriter.compact(.string(plain + "\n" + plain)) == Array("\"\(plain)\\n\(plain)\"".utf8))
        }
    }

    @Test func compact_keepsMemberOrder() {
        let value: JSONValue = ["b": 1, "a": 2]
        #expect(String(decoding: JSONWriter.compact(value), as: UTF8.self) == #"{"b":1,"a":2}"#)
    }

    @Test func read_whatWasWritten_isTheSame() throws {
        let value: JSONValue = [
            "text": "a\u{0}b\"\\😀", "numbers": [0, -1, 9_223_372_036_854_775_807], "nested": ["x": [[], [:]]],
            "flags": [true, false, nil],
        ]
        #expect(try JSONReader.read(JSONWriter.compact(value)) == value)
        #expect(try JSONReader.read(" [1 ,\t2]\r\n") == [1, 2])
        #expect(try JSONReader.read(#""\ud83d\ude00\u0041""#) == "😀A")
        #expect(try JSONReader.read("-9223372036854775808") == .integer(.min))
    }

    @Test(
        arguments: [
            ("", .truncated), ("{", .truncated), ("[1,", .truncated), (#"{"a""#, .truncated), ("1 2", .trailing),
            ("1.0", .fraction), ("1e2", .fraction), ("-0", .unexpected), ("01", .unexpected), ("+1", .unexpected),
            ("9223372036854775808", .range), (#"{"a":1,"a":2}"#, .duplicate("a")), (#"{"a":1,}"#, .unexpected),
            ("[1,]", .unexpected), (#""\ud800""#, .surrogate), (#""\udc00""#, .surrogate),
            (#""\ud800\u0041""#, .surrogate),
            ("\"\u{1}\"", .unexpected), (#""\x""#, .unexpected), ("nul", .unexpected), ("NaN", .unexpected),
            ("\"abc", .truncated), (#"{1:2}"#, .unexpected), ("-", .unexpected), ("\u{feff}1", .unexpected),
        ] as [(String, JSONError.Problem)])
    func read_whenTextIsBad_saysWhy(_ text: String, _ problem: JSONError.Problem) {
        let error = #expect(throws: JSONError.self) { try JSONReader.read(text) }
        #expect(error?.problem == problem)
    }

    @Test func read_whenDeeperThanSixteen_isRefused() throws {
        let sixteen = String(repeating: "[", count: 16) + String(repeating: "]", count: 16)
        #expect(try JSONReader.read(sixteen) != .null)
        let error = #expect(throws: JSONError.self) { try JSONReader.read("[" + sixteen + "]") }
        #expect(error?.problem == .depth)
    }

    @Test func read_whenBytesAreNotUTF8_isRefused() {
        for bad in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]] {
            let error = #expect(throws: JSONError.self) { try JSONReader.read(bad) }
            #expect(error?.problem == .encoding)
        }
    }

    @Test func read_anyCutOfAGoodText_isRefused() throws {
        let text = Array(#"{"a":[1,-2,{"b":"c\u00e9\\"}],"d":null,"e":true}"#.utf8)
        _ = try JSONReader.read(text)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONReader.read(Array(text[..<length])) }
        }
    }

    @Test func subscript_whenSetAndRemoved_keepsOrder() {
        var object: JSONObject = ["a": 1, "b": 2]
        object["c"] = 3
        object["a"] = nil
        object["b"] = 4
        #expect(object.names == ["b", "c"] && object["b"] == 4 && object["a"] == nil)
    }
}
