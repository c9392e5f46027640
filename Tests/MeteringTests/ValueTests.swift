import Metering
import Testing

@Suite struct ValueTests {
    @Test(
        arguments: [
            (Float(230.5), "230.5"), (20_330_000, "20330000"), (0, "0"), (-0.0, "0"), (1e-5, "0.00001"),
            (-12.25, "-12.25"),
            (16_777_216, "16777216"), (1e17, "100000000000000000"), (0.1, "0.1"), (1e-30, "0"),
        ] as [(Float, String)])
    func decimal_ofFloat_isShortestPlainText(_ value: Float, _ text: String) {
        #expect(DecimalValue(value)?.text == text)
    }

    @Test func decimal_ofDouble_keepsEveryDigit() {
        #expect(DecimalValue(12_345_678.9)?.text == "12345678.9")
        #expect(DecimalValue(Double.nan) == nil)
        #expect(DecimalValue(Double.infinity) == nil)
        #expect(DecimalValue(Float(3e38)) == nil)
    }

    @Test(arguments: ["", "-", ".", "1.2.3", "0x1", "1e", "99999999999999999999", "1e400", "abc", "1 "])
    func decimal_whenTextIsNoNumber_isNil(_ text: String) {
        #expect(DecimalValue(text: text) == nil)
    }

    @Test func scaled_kilowattHours_areExactWattHours() {
        let reading = DecimalValue(text: "12345.678")
        #expect(reading?.scaled(power: 3)?.text == "12345678")
        #expect(reading?.multiplied(by: DecimalValue(mantissa: 25, exponent: -1))?.text == "30864.195")
        #expect(DecimalValue(mantissa: .max).scaled(by: 2, power: 0) == nil)
    }

    @Test func flooredInteger_roundsDownAlsoBelowZero() {
        #expect(DecimalValue(text: "12.99")?.flooredInteger == 12)
        #expect(DecimalValue(text: "-0.5")?.flooredInteger == -1)
        #expect(DecimalValue(mantissa: 7, exponent: 3).flooredInteger == 7000)
        #expect(DecimalValue(mantissa: .max, exponent: 1).flooredInteger == nil)
    }

    /// The AEMO NMI Procedure's own examples of the check sum.
    @Test(arguments: [
        ("2001985732", 8), ("2001985733", 6), ("3075621875", 8), ("4316854005", 9), ("6305888444", 6),
        ("7001888333", 8), ("QAAAVZZZZZ", 3), ("NCCC519495", 5), ("VAAA000065", 7), ("1234C6789A", 3),
    ])
    func nmi_ofPublishedExamples_hasTheirCheckDigit(_ text: String, _ digit: Int) throws {
        let nmi = try NMI(text)
        #expect(nmi.checkDigit == digit)
        #expect(try NMI(text + String(digit)) == nmi)
        #expect(throws: NMIError.checkDigit(expected: digit)) { try NMI(text + String((digit + 1) % 10)) }
    }

    @Test func nmi_whenMalformed_saysWhy() {
        #expect(throws: NMIError.length(9)) { try NMI("123456789") }
        #expect(throws: NMIError.character("O")) { try NMI("123456789O") }
        #expect(throws: NMIError.character("a")) { try NMI("a234567890") }
    }

    @Test func identifier_allowsOnlyTheContractsCharacters() {
        #expect(Identifier.isValid("a-Z_0.9:x"))
        for bad in ["", "a b", "a/b", "a#", "é", String(repeating: "a", count: 65)] {
            #expect(!Identifier.isValid(bad))
        }
        #expect(!Identifier.isValidName("..") && !Identifier.isValidName("a:b") && Identifier.isValidName("SJKGRHDV"))
    }

    @Test func secret_isNeverPrinted() {
        let secret = Secret(Array("IMDEIMDE".utf8))
        #expect("\(secret)" == "•••" && String(reflecting: secret) == "•••")
    }

    /// Made by Python: `json.dumps(r, sort_keys=True, separators=(",",":"), ensure_ascii=False)`.
    @Test func canonicalBytes_ofARecord_areTheContracts() {
        let draft = JournalDraft(
            seq: 1, at: WallTime(milliseconds: 1_772_436_600_123), kind: .boxCreated, key: "box.created/1",
            data: ["box": "SJKGRHDV"])
        #expect(
            String(decoding: draft.canonicalBytes, as: UTF8.self)
                == #"{"at":"2026-03-02T07:30:00.123Z","data":{"box":"SJKGRHDV"},"key":"box.created/1","kind":"box.created","seq":1}"#
        )
    }
}
