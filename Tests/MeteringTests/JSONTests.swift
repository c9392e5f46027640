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
