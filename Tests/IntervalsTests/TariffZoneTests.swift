import Foundation
import Intervals
import Metering
import Testing

@Suite struct TariffZoneTests {
    @Test func offset_changesAtTheTransition() throws {
        let spring = try TariffSample.instant("2026-03-29T01:00:00Z")
        #expect(TariffSample.london.offset(at: spring - 1).offset == 0)
        #expect(TariffSample.london.offset(at: spring - 1).until == spring)
        #expect(TariffSample.london.offset(at: spring).offset == 3600)
        #expect(ZoneRules.market.offset(at: spring).offset == 36_000)
        #expect(ZoneRules.market.offset(at: spring).until == .max)
    }

    @Test func startOfDay_whenMidnightIsSkippedOrRepeated_isTheFirstInstantOfTheDate() throws {
        // 00:00 jumps to 01:00 on day 10; on day 20, 01:00 falls back to 00:00.
        let base: Int64 = 86_400
        let zone = ZoneRules(
            firstOffset: 0,
            transitions: [
                ZoneRules.Transition(at: 10 * base, offset: 3600),
                ZoneRules.Transition(at: 20 * base, offset: 0),
                ZoneRules.Transition(at: 30 * base, offset: -3600),
            ])
        #expect(zone.start(ofDay: 10) == 10 * base)
        #expect(zone.start(ofDay: 11) == 11 * base - 3600)
        // 20 * base - 3600 is the first midnight of day 20.
        #expect(zone.start(ofDay: 20) == 20 * base - 3600)
        #expect(zone.start(ofDay: 21) == 21 * base)
        // The clock goes back from 00:00 of day 30 to 23:00 of day 29 at its first instant.
        #expect(zone.start(ofDay: 30) == 30 * base + 3600)
    }

    /// A file made by hand: version 2, one transition, closing rule.
    private static func zoneFile(_ footer: String = "CET-1CEST,M3.5.0,M10.5.0/3") -> [UInt8] {
        func counts(_ times: UInt8) -> [UInt8] {
            [UInt8](repeating: 0, count: 12) + [0, 0, 0, times, 0, 0, 0, 2, 0, 0, 0, 8]
        }
        let head = Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
        let types: [UInt8] = [0, 0, 0x0E, 0x10, 0, 0, 0, 0, 0x1C, 0x20, 1, 4] + Array("CET\0CES\0".utf8)
        let first = head + counts(0) + types
        // 2025-03-30T01:00:00Z to the second type.
        let second = head + counts(1) + [0, 0, 0, 0, 0x67, 0xE8, 0x97, 0x90, 1] + types
        return first + second + Array("\n\(footer)\n".utf8)
    }

    @Test func zoneFile_golden() throws {
        let zone = try ZoneRules(zoneFile: Self.zoneFile())
        #expect(zone.firstOffset == 3600)
        #expect(zone.transitions[0] == ZoneRules.Transition(at: 1_743_296_400, offset: 7200))
        let autumn = try TariffSample.instant("2025-10-26T01:00:00Z")
        #expect(zone.transitions[1] == ZoneRules.Transition(at: autumn, offset: 3600))
        let late = try TariffSample.instant("2099-07-01T00:00:00Z")
        #expect(zone.offset(at: late).offset == 7200)
        #expect(zone.knownUntil == CivilTime(year: 2101, month: 1, day: 1).seconds)
    }

    @Test func zoneFile_whenCutOrWrong_isRefused() {
        let file = Self.zoneFile()
        for length in 0..<(file.count - 1) {
            // Cut behind the tables there is no closing rule, which an old file need not have.
            guard length != file.count - 28 else { continue }
            #expect(throws: ZoneFault.self) { try ZoneRules(zoneFile: Array(file[..<length])) }
        }
        for footer in ["CE-1", "CET", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0", "CET-200", "x"] {
            #expect(throws: ZoneFault.rule(footer)) { try ZoneRules(zoneFile: Self.zoneFile(footer)) }
        }
        #expect(throws: ZoneFault.notAZone) { try ZoneRules(zoneFile: Array("hello".utf8)) }
    }

    @Test func zoneFile_whenGarbled_neverTraps() {
        var generator = SeededGenerator(4)
        let good = Self.zoneFile()
        for _ in 0..<2000 {
            var file = good
            for _ in 0..<3 {
                file[Int.random(in: 0..<file.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            if let zone = try? ZoneRules(zoneFile: file) { #expect(zone.offset(at: 1_800_000_000).until > 0) }
        }
    }

    private static let names = [
        "Europe/London", "Australia/Sydney", "Australia/Lord_Howe", "Australia/Brisbane", "America/New_York",
        "America/Santiago", "Asia/Kathmandu", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia", "UTC",
    ]
    private static let folder = URL(filePath: "/usr/share/zoneinfo")
    private static let hasFolder = FileManager.default.fileExists(atPath: folder.appending(path: "UTC").path)

    @Test(.enabled(if: hasFolder, "no /usr/share/zoneinfo: install tzdata"), arguments: names)
    func zoneFile_ofTheSystem_agreesWithFoundation(_ name: String) throws {
        let file = try Data(contentsOf: Self.folder.appending(path: name))
        let zone = try ZoneRules(zoneFile: [UInt8](file))
        let other = try #require(TimeZone(identifier: name))
        var generator = SeededGenerator(11)
        var checked: [Int64] = zone.transitions.flatMap { [$0.at - 1, $0.at] }
        for _ in 0..<500 { checked.append(Int64.random(in: 0...2_145_916_800, using: &generator)) }
        for instant in checked where (0...2_145_916_800).contains(instant) {
            let expected = other.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant)))
            #expect(zone.offset(at: instant).offset == Int64(expected), "\(name) at \(instant)")
        }
    }
}
