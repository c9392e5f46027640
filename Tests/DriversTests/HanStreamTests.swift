import Drivers
import Metering
import Testing

@Suite struct HanStreamTests {
    @Test func stream_inPiecesOfAnySize_givesTheSame() {
        let text =
            HanText.demand + HanText.fragment("MeterList", [("DeviceMacId", "0x00158d0000000004")]) + HanText.demand
        let whole = HanText.read(text)
        #expect(whole.fragments.count == 3)
        for size in 1...40 {
            var splitter = HanSplitter()
            var pieces: [HanSplitter.Piece] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                pieces += splitter.feed(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            #expect(pieces.count == 3)
            #expect(
                pieces.compactMap { piece -> HanFragment? in
                    if case .element(let element) = piece { HanDecoder().decode(element) } else { nil }
                } == whole.fragments)
        }
    }

    @Test func closingTag_inAnotherCaseOrMisspelt_closesAllTheSame() {
        let text = """
            <DeviceInfo><DeviceMacId>0x00158d0000000004</devicemacid><FWVersion>1.4.47</FWVersion>
            <ModelId>Z106-EMU</ModlId><DateCode>20120725A0041B</DateCde></deviceInfo>
            """
        let (fragments, damage) = HanText.read(text)
        guard case .device(let device) = fragments.first else {
            Issue.record("no DeviceInfo in \(fragments)")
            return
        }
        #expect(device.device?.text == "00158d0000000004")
        #expect(device.firmware == "1.4.47")
        #expect(device.model == "Z106-EMU")
        #expect(device.dateCode == "20120725A0041B")
        #expect(damage.isEmpty)
    }

    @Test func fragment_cutOffByTheNext_isDroppedAlone() {
        let half = String(HanText.demand.prefix(HanText.demand.count / 2))
        let (fragments, damage) = HanText.read(half + HanText.demand)
        #expect(fragments.map(\.kilowatts) == ["5.944"])
        #expect(damage.contains("truncated"))
    }

    @Test func everyCut_atTheEndOrTheBeginning_givesNoWrongValue() {
        let bytes = Array(HanText.demand.utf8)
        for cut in 1..<bytes.count {
            let first = HanText.read(Array(bytes[..<cut]) + bytes)
            #expect(first.fragments.compactMap(\.kilowatts).allSatisfy { $0 == "5.944" }, "cut after \(cut)")
            #expect(first.fragments.last?.kilowatts == "5.944")
            let second = HanText.read(Array(bytes[cut...]) + bytes)
            #expect(second.fragments.compactMap(\.kilowatts).allSatisfy { $0 == "5.944" }, "cut before \(cut)")
            #expect(second.fragments.last?.kilowatts == "5.944")
        }
    }

    @Test func lostMiddle_neverJoinsHalvesOfTwoValues() throws {
        let text = HanText.fragment(
            "CurrentSummationDelivered",
            [
                ("Multiplier", "0x1"), ("Divisor", "0x3e8"), ("SummationDelivered", "0x00001234"),
                ("SummationReceived", "0x00005678"), ("DigitsLeft", "0x06"),
            ])
        let bytes = Array(text.utf8)
        let from = text.utf8.distance(from: text.startIndex, to: try #require(text.firstRange(of: "1234")).lowerBound)
        let through = text.utf8.distance(
            from: text.startIndex, to: try #require(text.firstRange(of: "5678")).lowerBound)
        for start in from..<from + 4 {
            for end in (start + 25)..<(through + 25) {
                let damaged = Array(bytes[..<start]) + Array(bytes[end...])
                let values = HanText.read(damaged).fragments.map(\.delivered)
                #expect(values.allSatisfy { $0 == nil }, "without \(start)..<\(end)")
            }
        }
    }

    @Test func everyLostByte_givesTheNextFragmentWhole() {
        let bytes = Array(HanText.demand.utf8)
        for lost in bytes.indices {
            let damaged = Array(bytes[..<lost]) + Array(bytes[(lost + 1)...])
            #expect(HanText.read(damaged + bytes + bytes).fragments.last?.kilowatts == "5.944", "without byte \(lost)")
        }
    }

    @Test func noise_betweenFragments_isToldOnceAndSkipped() {
        let noise = [UInt8](repeating: 0xFF, count: 500) + Array("boot v1.2 <%$> \u{0} <>".utf8)
        let (fragments, damage) = HanText.read(noise + Array(HanText.demand.utf8) + noise)
        #expect(fragments.map(\.kilowatts) == ["5.944"])
        #expect(damage == ["noise", "noise"])
    }

    @Test func anyBytes_neverEndTheReader() {
        var state: UInt64 = 88_172_645_463_325_252
        let alphabet = Array("<></>=\"'& abMeterListDemandWarning0x19FFé\r\n".utf8) + [0, 0xFF]
        for _ in 0..<200 {
            var splitter = HanSplitter()
            var bytes: [UInt8] = []
            for _ in 0..<300 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                bytes.append(alphabet[Int(state % UInt64(alphabet.count))])
            }
            _ = splitter.feed(bytes)
            let after = splitter.feed(Array((HanText.demand + HanText.demand).utf8))
            #expect(
                after.contains { piece in
                    if case .element(let element) = piece {
                        HanDecoder().decode(element).kilowatts == "5.944"
                    } else {
                        false
                    }
                })
        }
    }

    @Test func endlessFragment_isGivenUpAt64KiB() {
        var splitter = HanSplitter()
        var pieces = splitter.feed(Array("<MessageCluster><Text>".utf8))
        for _ in 0..<100 { pieces += splitter.feed([UInt8](repeating: UInt8(ascii: "x"), count: 1000)) }
        #expect(pieces.first == .damage("too_long"))
        #expect(pieces.count <= 2)
        #expect(splitter.feed(Array(HanText.demand.utf8)).contains { if case .element = $0 { true } else { false } })
    }

    @Test func text_isWindows1252WithEntities() {
        let bytes =
            Array("<MessageCluster><Id>0x1</Id><Text>5 &lt; 6 &amp; a < b &#65; &bogus; ".utf8)
            + [0x80, 0xE9] + Array("</Text></MessageCluster>".utf8)
        guard case .message(let message) = HanText.read(bytes).fragments.first else {
            Issue.record("no message")
            return
        }
        #expect(message.text == "5 < 6 & a < b A &bogus; €é")
    }
}
