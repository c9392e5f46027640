import Drivers
import Metering
import Testing

/// Every frame of reference/edmi.md: body and wire.
private let vectors = """
    |0203
    4c45444d492c494d4445494d444500|024c45444d492c494d4445494d444500d96903
    52f002|0252f01042ee4503
    52e010|0252e01050df4503
    52e011|0252e01051cf6403
    52e08f|0252e08fad105303
    52f07a|0252f07a1051da03
    06|020606a403
    58|0258bd9f03
    1803|02181043d4d903
    1809|021809759303
    1804|021804a43e03
    18|0218f55b03
    450cf043560000000100014c45444d492c494d4445494d444500|02450cf043560000000100014c45444d492c494d4445494d444500d94e03
    45000000010cf04356000106|0245000000010cf0435600010623cc03
    450cf0435600000001000252e000|02450cf043560000000100104252e000e18c03
    45000000010cf04356000252e00043668000|0245000000010cf0435600104252e00043668000ec7403
    45000000010cf0435600031809|0245000000010cf043560010431809073403
    450cf0435600000001000458|02450cf0435600000001000458c9e403
    4d00000069|024d0000006946dd03
    4d0000006941678c29dccccccd|024d0000006941678c29dccccccd565603
    4d0000fff00000e00000000069|024d0000fff00000e00000000069e85c03
    4d0000fff04366800041678c29dccccccd|024d0000fff04366800041678c29dccccccd9c9c03
    4d0000fff1004366800003|024d0000fff100436680001043e0c103
    49e000|0249e0007ee603
    49e000465600|0249e000465600720903
    57f03d02031a101113|0257f03d104210431a105010511053dae103
    52f03d12011a001e05|0252f03d12011a001e05d28003
    46490305f008|024649104305f008dce303
    46490305f00800000064000007d00012014c6f61645f537572766579203100\
    |024649104305f00800000064000007d00012014c6f61645f537572766579203100b0a403
    46530305f0080000006412011a001e0001|024653104305f0080000006412011a001e00019ddb03
    46520305f008000005dc000200000012|024652104305f008000005dc0010420000001228b403
    463000000003e80010|0246300000001043e80010501d7a03
    463000000003e800027d0060ea010000000000|0246300000001043e80010427d0060ea010000000000d96f03
    463201388e3900ffff|02463201388e3900ffffa7e703
    52d806|0252d806218e03
    52f00232313730373234373000|0252f010423231373037323437300006a303
    450efaaa45012b1668ffff4c45444d492c494d4445494d444500|02450efaaa45012b1668ffff4c45444d492c494d4445494d444500841503
    45012b16680efaaa45ffff06|0245012b16680efaaa45ffff06ee8c03
    450efaaa45012b1668ffff4d0000fff10000e0000000e0010000e0020000f7010000f7030000e0100000e0110000e0120000f700\
    0000f7020000e0260000e0600000016900000369\
    |02450efaaa45012b1668ffff4d0000fff10000e0000000e0010000e010420000f7010000f710430000e010500000e010510000e012\
    0000f7000000f710420000e0260000e0600000016900001043693cae03
    521e01|02521e01ed9b03
    521e014b9b1b08|02521e014b9b1b08936e03
    52e000|0252e000cd7403
    52e001|0252e001dd5503
    52e002|0252e01042ed3603
    52e012|0252e012ff0703
    52e030|0252e030fb2703
    52e031|0252e031eb0603
    52e032|0252e032db6503
    52e026|0252e02689d003
    52e060|0252e060a1d203
    521e00|02521e00fdba03
    521e02|02521e1042ddf803
    521e10|02521e1050ef8b03
    521e20|02521e20d9d803
    """
    .split(separator: "\n").map { line -> (body: [UInt8], wire: [UInt8]) in
        let halves = line.split(separator: "|", omittingEmptySubsequences: false)
        return (bytes(hex: String(halves[0])), bytes(hex: String(halves[1])))
    }

@Suite struct EdmiFrameTests {
    @Test func encode_everyVectorOfTheReference() {
        #expect(vectors.count == 55)
        for vector in vectors { #expect(EdmiFrame.encode(vector.body) == vector.wire) }
    }

    @Test func decode_everyVectorOfTheReference() throws {
        for vector in vectors { #expect(try EdmiFrame.decode(vector.wire) == vector.body) }
    }

    @Test func reader_everyVectorByteByByteAndInOnePiece() {
        var slow = EdmiFrameReader()
        var one: [EdmiFrameEvent] = []
        for vector in vectors { for byte in vector.wire { one += slow.feed([byte]) } }
        var fast = EdmiFrameReader()
        let all = fast.feed(vectors.flatMap { $0.wire })
        #expect(one == vectors.map { .frame($0.body) })
        #expect(all == one)
    }

    @Test func checksum_ofTheCheckTextAndOfRecordedPackets() {
        #expect(EdmiFrame.checksum(of: [UInt8]("123456789".utf8)) == 0x31C3)
        #expect(EdmiFrame.checksum(of: []) == 0)
        let heartbeat = bytes(
            hex: """
                8F 50 FF E5 0C 7B BB F7 45 30 39 30 39 34 33 39 00 33 35 33 31 36 37 30 30 35 39 36 32 37 37 34 00 38 39
                34 34 31 32 32 32 35 32 31 37 31 37 37 33 36 31 38 00 0E FD
                """)
        #expect(EdmiFrame.checksum(of: heartbeat) == 0)
        let commissioning =
            bytes(
                hex: """
                    8F 50 FF E3 0C 77 9B 5F 45 30 39 30 31 33 34 36 00 33 35 36 31 38 37 30 33 30 30 30 32 35 31 38 00
                    4D 6B 31 30 5F 53 53 43 5F 30 31 34 35 00 31 30 58 58 00 31 2E 33 36 20 00 04 02 6D 40 31 31 61 66
                    2C 37 64 62 62 2C 38 2C
                    """) + [UInt8](repeating: 0, count: 22) + [0xE4, 0x37]
        #expect(EdmiFrame.checksum(of: commissioning) == 0)
    }

    @Test func session_wakeBytesBeforeTheFrameAreSkipped() {
        var reader = EdmiFrameReader()
        let login = bytes(hex: "02 45 01 2B 16 68 0E FA AA 45 FF FF 06 EE 8C 03")
        #expect(reader.feed(bytes(hex: "2F 3F 21 0D 0A") + login).count == 1)
        #expect(reader.feed(bytes(hex: "1B 02 03")) == [.frame([])])
    }

    @Test(arguments: [
        ("02 52 F0 10 02", EdmiFrameError.badEscape), ("02 52 F0 10 03", .badEscape), ("02 52 10 44 03", .badEscape),
        ("02 52 10 10 03", .badEscape), ("02 52 11 00 03", .rawControl), ("02 52 13 00 03", .rawControl),
        ("02 52 03", .tooShort), ("02 20 42 03", .tooShort), ("02 52 F0 10 42 EE 46 03", .badChecksum),
        ("02 52 F0 02", .truncated),
    ])
    func reader_whenMalformed(hex: String, error: EdmiFrameError) {
        var reader = EdmiFrameReader()
        #expect(reader.feed(bytes(hex: hex)).first == .damaged(error))
        // The next good frame is found all the same.
        #expect(reader.feed(bytes(hex: "02 06 06 A4 03")).last == .frame([0x06]))
    }

    @Test func decode_whenMalformed() {
        let cases: [(String, EdmiFrameError)] = [
            ("", .notOneFrame), ("02", .notOneFrame), ("06 02 06 06 A4 03", .notOneFrame),
            ("02 06 06 A4 03 00", .notOneFrame), ("02 06 06 A4", .truncated), ("02 06 02 06 06 A4 03", .truncated),
            ("02 06 10", .truncated), ("02 06 10 03", .badEscape), ("02 06 11 03", .rawControl),
            ("02 06 06 A5 03", .badChecksum), ("02 06 03", .tooShort),
        ]
        for (hex, error) in cases {
            #expect(throws: error) { try EdmiFrame.decode(bytes(hex: hex)) }
        }
    }

    @Test func reader_whenTheFrameNeverEnds() {
        var reader = EdmiFrameReader()
        var events = reader.feed([0x02] + [UInt8](repeating: 0x55, count: 100_000))
        #expect(events == [.damaged(.tooLong)])
        #expect(!reader.isInsideFrame)
        events = reader.feed([0x02] + [UInt8](repeating: 0x10, count: 3))
        #expect(events == [.damaged(.badEscape)])
        events = reader.feed(bytes(hex: "02 06 06 A4 03"))
        #expect(events == [.frame([0x06])])
    }

    @Test func reader_longestFrame() {
        let body = [UInt8](repeating: 0x02, count: EdmiFrame.limit - 2)
        var reader = EdmiFrameReader()
        #expect(reader.feed(EdmiFrame.encode(body)) == [.frame(body)])
        #expect(reader.feed(EdmiFrame.encode(body + [0x02])) == [.damaged(.tooLong)])
    }

    @Test func reader_resetForgetsWhatHasBegun() {
        var reader = EdmiFrameReader()
        #expect(reader.feed(bytes(hex: "02 52 E0")).isEmpty)
        #expect(reader.isInsideFrame)
        reader.reset()
        #expect(reader.feed(bytes(hex: "10 50 DF 45 03")).isEmpty)
    }

    @Test func withoutRepetition_whenTheReplyIsTwiceInOneFrame() {
        let reply = bytes(hex: "46 30 00 00 00 03 E8 00 01 7D 00 01")
        let crc = EdmiFrame.checksum(of: [0x02] + reply)
        let twice = reply + [UInt8(crc >> 8), UInt8(crc & 0xFF), 0x02] + reply
        #expect(EdmiFrame.withoutRepetition(twice) == reply)
        // Its frame has a right checksum as a whole, so only this finds it.
        #expect(EdmiExpectation.plain.accepts(twice) == .mine(inner: reply))
        var other = twice
        other[reply.count] ^= 1
        #expect(EdmiFrame.withoutRepetition(other) == other)
        for short in 0..<6 {
            let few = [UInt8](repeating: 2, count: short)
            #expect(EdmiFrame.withoutRepetition(few) == few)
        }
    }
}

@Suite struct EdmiEnvelopeTests {
    @Test func envelope_bothWays() {
        let request = EdmiEnvelope(destination: 217_072_470, source: 1, sequence: 2, inner: [0x52, 0xE0, 0x00])
        #expect(
            EdmiFrame.encode(request.body) == bytes(hex: "02 45 0C F0 43 56 00 00 00 01 00 10 42 52 E0 00 E1 8C 03"))
        #expect(EdmiEnvelope(body: request.body) == request)
        #expect(request.reply([0x06]).body == bytes(hex: "45 00 00 00 01 0C F0 43 56 00 02 06"))
        #expect(EdmiEnvelope(body: bytes(hex: "45 00 00 00 01 0C F0 43 56 00 02")) == nil)
        #expect(EdmiEnvelope(body: bytes(hex: "52 00 00 00 01 0C F0 43 56 00 02 06")) == nil)
    }

    @Test func accepts_onlyTheReplyAwaited() {
        let awaited = EdmiExpectation.addressed(meter: 0x0CF0_4356, master: 1, sequence: 2)
        let reply = bytes(hex: "45 00 00 00 01 0C F0 43 56 00 02 06")
        #expect(awaited.accepts(reply) == .mine(inner: [0x06]))
        for index in 0..<11 {
            var other = reply
            other[index] ^= 0x40
            #expect(awaited.accepts(other) == .foreign)
        }
        #expect(awaited.accepts([0x06]) == .foreign)
        #expect(awaited.accepts([]) == .foreign)
        #expect(EdmiExpectation.plain.accepts(reply) == .foreign)
        #expect(EdmiExpectation.plain.accepts([]) == .foreign)
        #expect(EdmiExpectation.plain.accepts([0x06]) == .mine(inner: [0x06]))
    }

    @Test func match_whenTheLineEchoes() {
        let link = EdmiFixture.link(.atlas, addressed: false)
        let attention = EdmiPresence.probe(link)
        #expect(attention.wire == [0x1B, 0x02, 0x03])
        #expect(attention.match([]) == .foreign)
        #expect(attention.match([0x06]) == .mine(inner: [0x06]))
        let read = EdmiExchange(
            wire: bytes(hex: "02 52 F0 10 42 EE 45 03"), expectation: .plain, timeout: 1, interCharacter: 1,
            turnaround: 1, tries: 1)
        #expect(read.match(bytes(hex: "52 F0 02")) == .foreign)
        #expect(read.match(bytes(hex: "52 F0 02 31 00")) == .mine(inner: bytes(hex: "52 F0 02 31 00")))
    }
}
