import Metering
import Testing

struct StateCodingTests {
    private enum Kind: Hashable, Codable {
        case plain
        case number(Int64)
        case named(first: String, second: Bool?)
    }

    private struct Part: Hashable, Codable {
        var wide: Int128
        var list: [Int64]
        var kinds: [Kind]
        var table: [String: Kind]
        var maybe: Int?
        var json: JSONValue
        var object: JSONObject
        var packed: PackedNumbers
        var time: WallTime
    }

    private static let part = Part(
        wide: -(1 << 100), list: [0, -1, .max, .min, 127, 128],
        kinds: [.plain, .number(-7), .named(first: "é", second: nil)],
        table: ["b": .plain, "a": .named(first: "", second: true), "c": .number(.min)], maybe: nil,
        json: ["x": [1, nil, "y"]], object: ["z": -5, "a": true], packed: PackedNumbers([.min, .max, 0, -64, 64]),
        time: WallTime(milliseconds: .max))

    @Test func value_comesBackAsItWas() throws {
        let bytes = try StateCoding.write(Self.part)
        #expect(try StateCoding.read(Part.self, from: bytes) == Self.part)
        #expect(try StateCoding.read([Part?].self, from: StateCoding.write([Self.part, nil])) == [Self.part, nil])
    }

    @Test func dictionary_hasOneForm_whateverItsOrder() throws {
        let names = (0..<100).map { "name \($0)" }
        let one = try StateCoding.write(Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }))
        let other = try StateCoding.write(Dictionary(uniqueKeysWithValues: names.reversed().map { ($0, 1) }))
        #expect(one == other)
    }

    @Test func otherBytes_areRefused() throws {
        let bytes = try StateCoding.write(Self.part)
        for cut in bytes.indices {
            #expect(throws: StateFault.self) { try StateCoding.read(Part.self, from: Array(bytes[..<cut])) }
        }
        #expect(throws: StateFault.self) { try StateCoding.read(Part.self, from: bytes + [0]) }
        #expect(throws: StateFault.self) { try StateCoding.read(Kind.self, from: bytes) }
        #expect(throws: StateFault.self) { try StateCoding.read(Part.self, from: [5, 0xFF, 0xFF, 0xFF, 0x7F]) }
        #expect(throws: StateFault.self) { try StateCoding.read(Part.self, from: [UInt8](repeating: 5, count: 500)) }
    }

    @Test func fractions_areNoState() {
        #expect(throws: StateFault.self) { try StateCoding.write([1.5]) }
    }
}
