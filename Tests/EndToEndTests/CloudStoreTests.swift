import Crypto
import Metering
import Testing

@testable import meterside_sim

@Suite struct CloudStoreTests {
    /// Records 1 to `count` of a journal whose chain is right.
    private func records(_ count: Int64) -> [JSONValue] {
        var previous = [UInt8](repeating: 0, count: 32)
        return (1...count).map { seq in
            let draft = JournalDraft(
                seq: seq, at: WallTime(seconds: 1_800_000_000 + seq), kind: .configChanged,
                key: "config.changed/\(seq)",
                data: ["note": .string("record \(seq)")])
            previous = SHA256.digest(previous + SHA256.digest(draft.canonicalBytes))
            return JournalEntry(draft: draft, hash: Hex.text(previous)).json
        }
    }

    private func message(_ records: some Sequence<JSONValue>, box: String = "BOX1") -> [UInt8] {
        JSONWriter.compact(["box": .string(box), "records": .array(Array(records))])
    }

    private func stored(_ findings: [CloudStore.Finding]) -> [Int64] {
        findings.compactMap { if case .stored(let entry) = $0 { entry.seq } else { nil } }
    }

    private func faults(_ findings: [CloudStore.Finding]) -> Int {
        findings.filter { if case .fault = $0 { true } else { false } }.count
    }

    @Test func take_ofRecordsInOrder_acknowledgesThem() {
        var store = CloudStore()
        let findings = store.take(journal: message(records(5)), box: "BOX1")
        #expect(stored(findings) == [1, 2, 3, 4, 5])
        #expect(findings.last == .receipt(5))
    }

    @Test func take_ofARepeat_acknowledgesAgainAndStoresNothing() {
        var store = CloudStore()
        _ = store.take(journal: message(records(5)), box: "BOX1")
        #expect(store.take(journal: message(records(3)), box: "BOX1") == [.receipt(5)])
        #expect(store.duplicates == 3 && store.stored == 5)
    }

    @Test func take_withAHole_asksForItOnceAndGoesOnWhenItIsFilled() {
        let all = records(9)
        var store = CloudStore()
        _ = store.take(journal: message(all[..<2]), box: "BOX1")
        #expect(store.take(journal: message(all[6..<8]), box: "BOX1") == [.receipt(2), .resend(3, 6)])
        #expect(store.take(journal: message(all[8...]), box: "BOX1") == [.receipt(2)])
        let filled = store.take(journal: message(all[2..<6]), box: "BOX1")
        #expect(stored(filled) == [3, 4, 5, 6, 7, 8, 9])
        #expect(store.upTo == 9 && !store.isBroken)
    }

    @Test func take_ofAChangedRecord_isAFaultAndNoReceipt() {
        var all = records(3)
        all[1] = .object(
            all[1].object.map { object in
                var changed = object
                changed["data"] = ["note": "another"]
                return changed
            } ?? JSONObject())
        var store = CloudStore()
        let findings = store.take(journal: message(all), box: "BOX1")
        #expect(stored(findings) == [1])
        #expect(faults(findings) == 1)
        #expect(store.isBroken)
        #expect(!findings.contains(.receipt(1)))
    }

    @Test func take_ofAnotherBoxOrOfGarbage_isAFault() {
        var store = CloudStore()
        #expect(faults(store.take(journal: message(records(1), box: "BOX2"), box: "BOX1")) == 1)
        #expect(faults(store.take(journal: Array("{".utf8), box: "BOX1")) == 1)
        #expect(store.upTo == 0)
    }
}
