import Credit
import Metering
import Testing

@testable import Gateway

/// What the customer's display shows, and when it shows something else.
@Suite struct UnitDisplayTests {
    private func bench() throws -> UnitBench {
        var bench = UnitBench(try UnitBench.configuration())
        try bench.commission(credit: 5_000_000)
        bench.pass(minutes: 2)
        return bench
    }

    private func text(_ bench: UnitBench) -> String { (bench.shown.last ?? []).joined(separator: "|") }

    @Test func homeMessage_isAPageThatTheButtonLeadsTo_andGoesWhenItIsTakenAway() throws {
        var bench = try bench()
        try bench.command("home_message_set", ["text": "The office is closed"])
        #expect(text(bench).contains("Balance"), "\(text(bench))")
        var pages: [String] = []
        for _ in 0..<8 {
            _ = try bench.ask(.press(unit: "unit-1", .nextPage))
            pages.append(text(bench))
        }
        #expect(pages.contains { $0.contains("The office is closed") }, "\(pages)")
        let all = try bench.ask(.unitPage("unit-1"))["all"]?.array?.compactMap(\.string) ?? []
        #expect(all.contains { $0.contains("The office is closed") }, "\(all)")
        bench.restart()
        bench.pass(minutes: 2)
        let again = try bench.ask(.unitPage("unit-1"))["all"]?.array?.compactMap(\.string) ?? []
        #expect(again.contains { $0.contains("The office is closed") }, "\(again)")
        try bench.command("home_message_set", ["text": ""])
        let gone = try bench.ask(.unitPage("unit-1"))["all"]?.array?.compactMap(\.string) ?? []
        #expect(!gone.contains { $0.contains("The office is closed") }, "\(gone)")
    }

    @Test func textForAWhile_isShownAtOnce_andTheFirstPageAfterIt() throws {
        var bench = try bench()
        try bench.command("display_text_show", ["text": "Power works at noon", "duration_s": 120])
        #expect(text(bench).contains("Power works at noon"), "\(text(bench))")
        bench.pass(minutes: 1)
        #expect(text(bench).contains("Power works at noon"), "\(text(bench))")
        bench.pass(minutes: 2)
        #expect(text(bench).contains("Balance"), "\(text(bench))")
    }

    @Test func textThatTheButtonTakesAway_isGoneAfterThePress() throws {
        var bench = try bench()
        try bench.command(
            "display_text_show", ["text": "Please read the meter", "duration_s": 3600, "clear_on_button": true])
        #expect(text(bench).contains("Please read the"), "\(text(bench))")
        _ = try bench.ask(.press(unit: "unit-1", .nextPage))
        #expect(text(bench).contains("Balance"), "\(text(bench))")
        let all = try bench.ask(.unitPage("unit-1"))["all"]?.array?.compactMap(\.string) ?? []
        #expect(!all.contains { $0.contains("Please read") }, "\(all)")
    }

    @Test func pageLeafedTo_staysAMinute_thenTheFirstIsShown() throws {
        var bench = try bench()
        _ = try bench.ask(.press(unit: "unit-1", .nextPage))
        #expect(!text(bench).contains("Balance"), "\(text(bench))")
        bench.pass(seconds: 40)
        #expect(!text(bench).contains("Balance"), "\(text(bench))")
        bench.pass(seconds: 90)
        #expect(text(bench).contains("Balance"), "\(text(bench))")
    }

    @Test func supplyThatIsCut_isToldBeforeAnyText() throws {
        var bench = try bench()
        try bench.command("display_text_show", ["text": "Power works at noon", "duration_s": 80_000])
        try bench.command("credit_adjust", ["adjustment_id": "a", "delta_micro": -50_000_000, "reason": "test"])
        let isCut = bench.pass(atMost: 10) { $0.unit?.payment.supply.current == .disconnected }
        #expect(isCut, "\(bench.orders)")
        // At once, and not with the next reading.
        #expect(text(bench).contains("SUPPLY IS OFF"), "\(text(bench))")
        try bench.pay("second", 100_000_000)
        #expect(text(bench).contains("Press to switch on"), "\(text(bench))")
        // The switch rests for a minute after it has moved.
        bench.pass(seconds: 70)
        _ = try bench.ask(.press(unit: "unit-1", .arm))
        let isOn = bench.pass(atMost: 2) { $0.unit?.payment.supply.current == .connected }
        #expect(isOn && text(bench).contains("Supply is on"), "\(text(bench))")
    }
}
