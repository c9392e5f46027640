import Drivers
import Metering
import Testing

@testable import Bus

private let unit = UnitAddress(1)
private let asked = ModbusRead(function: 3, address: 0, count: 2)
private let alike = ModbusRead(function: 3, address: 8, count: 2)

@Suite struct LateRepliesTests {
    @Test func blocked_onlyForReadsThatALateReplyFits() {
        var late = LateReplies()
        late.expect(from: unit, to: asked, until: 100)
        let answer1 = late.blocked(unit, alike, at: 50)
        #expect(answer1 == 100)
        let answer2 = late.blocked(unit, asked, at: 50)
        #expect(answer2 == nil)
        let answer3 = late.blocked(unit, ModbusRead(function: 4, address: 8, count: 2), at: 50)
        #expect(answer3 == nil)
        let answer4 = late.blocked(unit, ModbusRead(function: 3, address: 8, count: 3), at: 50)
        #expect(answer4 == nil)
        let answer5 = late.blocked(UnitAddress(2), alike, at: 50)
        #expect(answer5 == nil)
    }

    @Test func blocked_endsWithTimeOrWithAsManyRepliesAsQuestions() {
        var late = LateReplies()
        late.expect(from: unit, to: asked, until: 100)
        late.expect(from: unit, to: asked, until: 200)
        late.came(from: unit)
        let answer6 = late.blocked(unit, alike, at: 150)
        #expect(answer6 == 200)
        late.came(from: unit)
        let answer7 = late.blocked(unit, alike, at: 150)
        #expect(answer7 == nil)
        late.expect(from: unit, to: asked, until: 300)
        let answer8 = late.blocked(unit, alike, at: 300)
        #expect(answer8 == nil)
    }

    @Test func follow_whenTheLineWasSetAnew_forgets() {
        var late = LateReplies()
        late.follow(1)
        late.expect(from: unit, to: asked, until: 100)
        late.follow(1)
        let answer9 = late.mayCome(from: unit, at: 0)
        #expect(answer9)
        late.follow(2)
        let answer10 = late.mayCome(from: unit, at: 0)
        #expect(!answer10)
    }

    @Test func backoff_doublesFromHalfASecondToHalfAMinuteAndStartsOver() {
        var backoff = Backoff()
        var waits: [Int64] = []
        for _ in 0..<8 { waits.append(backoff.step() / 1000) }
        #expect(waits == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
        backoff.reset()
        let first = backoff.step()
        #expect(first == 500_000)
    }
}
