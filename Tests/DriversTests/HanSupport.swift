import Drivers
import Metering
import Testing

/// AES-128 of one block, written out here so that the product's own cipher is not its own witness.
enum PlainAES {
    private static let box: [UInt8] = {
        var box = [UInt8](repeating: 0x63, count: 256)
        var (value, inverse): (UInt8, UInt8) = (1, 1)
        repeat {
            value = value ^ value << 1 ^ (value & 0x80 == 0 ? 0 : 0x1B)
            inverse ^= inverse << 1
            inverse ^= inverse << 2
            inverse ^= inverse << 4
            if inverse & 0x80 != 0 { inverse ^= 0x09 }
            func turned(_ bits: UInt8) -> UInt8 { inverse << bits | inverse >> (8 - bits) }
            box[Int(value)] = inverse ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63
        } while value != 1
        return box
    }()

    static func encrypt(block: [UInt8], key: [UInt8]) -> [UInt8] {
        var state = zip(block, key).map { $0 ^ $1 }
        var round = key
        var constant: UInt8 = 1
        for number in 1...10 {
            round = nextKey(round, &constant)
            state = (0..<16).map { box[Int(state[($0 + 4 * ($0 % 4)) % 16])] }
            if number < 10 { state = mixed(state) }
            state = zip(state, round).map { $0 ^ $1 }
        }
        return state
    }

    private static func nextKey(_ key: [UInt8], _ constant: inout UInt8) -> [UInt8] {
        var next = key
        for index in 0..<16 {
            let before = index < 4 ? box[Int(key[12 + (index + 1) % 4])] : next[index - 4]
            next[index] ^= before ^ (index == 0 ? constant : 0)
        }
        constant = doubled(constant)
        return next
    }

    private static func mixed(_ state: [UInt8]) -> [UInt8] {
        (0..<16).map { index in
            let column = index / 4 * 4
            func at(_ row: Int) -> UInt8 { state[column + (index + row) % 4] }
            return doubled(at(0)) ^ doubled(at(1)) ^ at(1) ^ at(2) ^ at(3)
        }
    }

    private static func doubled(_ byte: UInt8) -> UInt8 { byte << 1 ^ (byte & 0x80 == 0 ? 0 : 0x1B) }
}

/// What a HAN adapter might say.
enum HanText {
    static func fragment(_ root: String, _ children: [(String, String)]) -> String {
        "<\(root)>\r\n" + children.map { "  <\($0.0)>\($0.1)</\($0.0)>\r\n" }.joined() + "</\(root)>\r\n"
    }

    static let demand = fragment(
        "InstantaneousDemand",
        [
            ("DeviceMacId", "0x00158d0000000004"), ("MeterMacId", "0x00178d0000000004"), ("TimeStamp", "0x185adc1d"),
            ("Demand", "0x001738"), ("Multiplier", "0x00000001"), ("Divisor", "0x000003e8"), ("DigitsRight", "0x03"),
            ("DigitsLeft", "0x00"), ("SuppressLeadingZero", "Y"),
        ])

    /// The values of everything in a stream, and why the rest was dropped.
    static func read(
        _ text: String, installCode: InstallCode? = nil
    ) -> (fragments: [HanFragment], damage: [String]) {
        read(Array(text.utf8), installCode: installCode)
    }

    static func read(
        _ bytes: [UInt8], installCode: InstallCode? = nil
    ) -> (fragments: [HanFragment], damage: [String]) {
        var splitter = HanSplitter()
        let decoder = HanDecoder(installCode: installCode)
        var fragments: [HanFragment] = []
        var damage: [String] = []
        for piece in splitter.feed(bytes) {
            switch piece {
            case .element(let element): fragments.append(decoder.decode(element))
            case .damage(let word): damage.append(word)
            }
        }
        return (fragments, damage)
    }
}

extension HanFragment {
    var kilowatts: String? {
        if case .demand(let demand) = self { (try? demand.kilowatts.get())?.text } else { nil }
    }
    var delivered: String? {
        if case .summation(let summation) = self { (try? summation.delivered.get())?.text } else { nil }
    }
}
