import Drivers
import Metering
import Testing

@Suite struct HanInstallCodeTests {
    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16, uppercase: true) + String($0 & 15, radix: 16, uppercase: true) }.joined()
    }

    @Test func plainAES_isAES() {
        // FIPS 197, appendix B.
        let result = PlainAES.encrypt(
            block: Self.bytes("3243F6A8885A308D313198A2E0370734"), key: Self.bytes("2B7E151628AED2A6ABF7158809CF4F3C"))
        #expect(Self.hex(result) == "3925841D02DC09FBDC118597196A0B32")
    }

    @Test(arguments: [
        ("83FED3407A939723A5C639B26916D505C3B5", "66B6900981E1EE3CA4206B6B861C02BB"),
        ("2CF02603038D9582", "419BFC53FA83323A0824353F638E46F6"),
        ("83FED3407A932B70", "CD4FA064773F46941EC986C09963D1A8"),
        ("83FED3407A93972397FC", "850BE0BF5B369AC441280A53265DB167"),
        ("83FED3407A939723A5C639B2AD8B", "C2B323EFC9FCA1D9657E32A0E5C2AAF3"),
    ])
    func linkKey_ofEveryLength_isThePublishedOne(_ code: String, _ key: String) throws {
        let linkKey = try InstallCode(code).linkKey { block, key in PlainAES.encrypt(block: block, key: key) }
        #expect(Self.hex(linkKey.bytes) == key)
    }

    @Test func mmo_ofOneByteAndOfABlock_isTheKnownHash() {
        let one = HanHash.mmo([0xC0]) { block, key in PlainAES.encrypt(block: block, key: key) }
        let block = HanHash.mmo(Array(0xC0...0xCF)) { block, key in PlainAES.encrypt(block: block, key: key) }
        #expect(Self.hex(one) == "AE3A102A28D43EE0D4A09E22788B206C")
        #expect(Self.hex(block) == "A7977E88BC0B61E8210827109A228F2D")
    }

    @Test func crc_ofTheCheckText_isX25() {
        #expect(InstallCode.crc(Array("123456789".utf8)) == 0x906E)
        #expect(InstallCode.crc(Self.bytes("83FED3407A939723A5C639B26916D505C3B5")) == 0x0F47)
    }

    @Test(arguments: [
        "83fed3407a932b70", "0x83FED3407A932B70", "83FE-D340-7A93-2B70", "83:FE:D3:40:7A:93:2B:70",
        " 83 FE D3 40\t7A 93 2B 70\r\n",
    ])
    func code_inEveryUsualWriting_isRead(_ text: String) throws {
        #expect(try InstallCode(text).secret.bytes == Self.bytes("83FED3407A932B70"))
    }

    @Test func code_withAMistake_saysWhichKind() {
        func fault(_ text: String) -> InstallCodeFault? {
            do throws(InstallCodeFault) {
                _ = try InstallCode(text)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault("83FED3407A932B7") == .length(digits: 15))
        #expect(fault("83FED3407A932B7000") == .length(digits: 18))
        #expect(fault("") == .length(digits: 0))
        #expect(fault("83FED3407A932B71") == .checksum(bytes: 8))
        // The CRC with its bytes exchanged.
        #expect(fault("83FED3407A93702B") == .checksum(bytes: 8))
        #expect(fault("83FED3407AG32B70") == .digit(place: 11))
        #expect(fault("83 FE D3 40 7A 93 2B 7ö") == .digit(place: 16))
    }

    @Test func codeAndFault_neverPrintTheCode() throws {
        let code = try InstallCode("83FED3407A932B70")
        #expect("\(code)".contains("•••"))
        var texts = ["\(code)", String(reflecting: code)]
        for text in ["83FED3407A932B71", "83FED3407A932B7", "83FED3407AG32B70"] {
            do throws(InstallCodeFault) {
                _ = try InstallCode(text)
            } catch {
                texts += ["\(error)", String(reflecting: error), error.word]
            }
        }
        for text in texts {
            #expect(!text.lowercased().contains("83fe") && !text.lowercased().contains("131"))
        }
    }

    @Test func address_inEveryWriting_hasOneForm() {
        for text in ["0x00158D0000000004", "00158d0000000004", "00:15:8D:00:00:00:00:04", "00-15-8d-00-00-00-00-04"] {
            #expect(EUI64(text)?.text == "00158d0000000004")
        }
        #expect(EUI64("00158d0000000004")?.separated == "00:15:8D:00:00:00:00:04")
        for text in [
            "0000000000000000", "ffffffffffffffff", "00158d000000004", "00158d00000000045", "", "0x00158g0000000004",
        ] {
            #expect(EUI64(text) == nil)
        }
    }
}
