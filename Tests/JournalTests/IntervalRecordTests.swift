import Metering
import Testing

@testable import Journal

@Suite struct IntervalRecordTests {
    private let text =
        #"{"meter":"217072470","epoch":2,"end":"2026-03-02T07:35:00Z","minutes":5,"revision":1,"channels":["#
        + #"{"channel":"import_wh","value_wh":512,"quality":"A","method":"boundary","reason":"","#
        + #""source":"register","register_end":90512},"#
        + #"{"channel":"export_wh","value_wh":null,"quality":"N","method":"none","reason":"timeout","#
        + #""source":"register","register_end":null},"#
        + #"{"channel":"import_varh","value":"-3","unit":"varh","quality":"E","method":"interpolated","#
        + #""reason":"clock","source":"estimate","register_end":7},"#
        + #"{"channel":"export_varh","value":null,"unit":"varh","quality":"N","method":"none","#
        + #""reason":"not_present","source":"survey","register_end":null}]}"#

    @Test func record_readsAndWritesTheSameBytes() throws {
        let interval = try #require(try JSONReader.read(text).object.flatMap { Interval(record: $0) })
        #expect(interval.key == "interval/217072470/2/2026-03-02T07:35:00Z/1")
        #expect(interval.values.map(\.value) == [512, nil, -3, nil])
        #expect(interval.values.map(\.registerAtEnd) == [90512, nil, 7, nil])
        #expect(String(decoding: JSONWriter.compact(.object(interval.record)), as: UTF8.self) == text)
    }

    @Test(arguments: [
        (#""epoch":2"#, #""epoch":"2""#), (#""meter":"217072470""#, #""meter":"a/b""#),
        (#"2026-03-02T07:35:00Z"#, "2026-02-30T07:35:00Z"), ("import_wh", "import_kwh"), (#""value_wh":512,"#, ""),
        (#""value_wh":512"#, #""value_wh":"512""#), (#""value":"-3""#, #""value":-3"#),
        (#""value":"-3""#, #""value":"3.5""#), (#""unit":"varh""#, #""unit":"VAh""#), (#""A""#, #""X""#),
        (#""source":"survey""#, #""source":"guess""#), (#""register_end":7"#, #""register_end":"7""#),
        (#""minutes":5,"#, ""), (#""channels":["#, #""channels":[1,"#),
    ])
    func record_whenAMemberIsWrong_isNoInterval(good: String, bad: String) throws {
        let changed = text.replacing(good, with: bad)
        #expect(changed != text)
        let record = try #require(try JSONReader.read(changed).object)
        #expect(Interval(record: record) == nil)
    }

    @Test func listItems_haveTheShapeOfTheContract() throws {
        let interval = try #require(try JSONReader.read(text).object.flatMap { Interval(record: $0) })
        let items = interval.listItems().map { String(decoding: JSONWriter.compact($0), as: UTF8.self) }
        #expect(items.count == 4)
        #expect(
            items[0] == #"{"meter":"217072470","channel":"import_wh","end":"2026-03-02T07:35:00Z","minutes":5,"#
                + #""value_wh":512,"quality":"A","method":"boundary","reason":"","source":"register","revision":1}"#)
        #expect(
            items[2] == #"{"meter":"217072470","channel":"import_varh","end":"2026-03-02T07:35:00Z","minutes":5,"#
                + #""value":"-3","unit":"varh","quality":"E","method":"interpolated","reason":"clock","#
                + #""source":"estimate","revision":1}"#)
        #expect(interval.listItems(channel: .exportWh).map { $0["value_wh"] } == [.null])
    }

    @Test func name_isReadFromTheKey_andRefusesOtherKeys() {
        let name = IntervalName(key: "interval/B-1/2/2026-03-02T07:35:00Z/3")
        #expect(name?.meter == "B-1")
        #expect(name?.epoch == 2)
        #expect(name?.end == WallTime(text: "2026-03-02T07:35:00Z"))
        #expect(name?.revision == 3)
        for key in ["interval/B-1/2/x/3", "interval/B-1/2", "alarm/B-1/2/2026-03-02T07:35:00Z/3", ""] {
            #expect(IntervalName(key: key) == nil)
        }
    }
}
