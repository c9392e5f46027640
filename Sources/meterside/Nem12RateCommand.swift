import ArgumentParser
import Intervals
import Metering

/// `meterside nem12 rate FILE --tariff FILE`
struct Nem12RateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Charge the intervals of a NEM12 file by a tariff.",
        discussion: """
            The streams E1, E2 … of a connection point are charged together. The tariff is that of `tariff_set`; its \
            valid_from does not matter here. Null intervals are counted, not charged. A file with faults is refused \
            (exit 5): see `meterside nem12 check`.
            """)

    @Argument(help: "The file, unpacked; - is standard input.")
    var file: String

    @Option(name: .long, help: "The tariff: a JSON file.")
    var tariff: String

    @Option(name: .long, help: "Whose local time the tariff's times are in, such as Europe/London; or `market`.")
    var zone = "market"

    @OptionGroup var output: JSONFlag

    func run() throws {
        let tariff = try Self.readTariff(tariff)
        var reading = RatedReading(rating: SeriesRating(tariff, zone: try ZoneAccess.rules(zone)))
        try Nem12File.read(file, to: &reading)
        try Self.check(reading, file)
        try Self.show(reading.rating, asJSON: output.json, file)
    }

    /// The bills, one after the other: a file may hold thousands. All are made once before the first is shown, so that
    /// an answer is whole or there is none.
    private static func show(
        _ rating: SeriesRating, asJSON: Bool, _ file: String
    ) throws(CommandFailure) {
        do throws(RatingFault) {
            for account in rating.accounts { _ = try Bill(account, rating.rater) }
            for (index, account) in rating.accounts.enumerated() {
                let bill = try Bill(account, rating.rater)
                if asJSON {
                    Terminal.out(Array((index == 0 ? "[" : ",").utf8) + JSONWriter.compact(bill.json))
                } else {
                    Terminal.out((index == 0 ? [] : [""]) + lines(bill))
                }
            }
        } catch {
            throw CommandFailure(code: "refused", message: "\(file): \(error)")
        }
        if asJSON { Terminal.out(Array("]\n".utf8)) }
    }

    private static func readTariff(_ path: String) throws(CommandFailure) -> Tariff {
        let bytes = try FileAccess.read(path, limit: 1 << 20)
        let value: JSONValue
        do throws(JSONError) { value = try JSONReader.read(bytes) } catch {
            throw .usage("\(path): \(error)", hint: "a tariff is one JSON object, as tariff_set takes it")
        }
        do throws(TariffFault) { return try Tariff(value) } catch {
            throw .usage("\(path): \(error)", hint: "the format is that of tariff_set")
        }
    }

    private static func check(_ reading: RatedReading, _ file: String) throws(CommandFailure) {
        if let fault = reading.firstFault {
            let place = fault.field > 0 ? "line \(fault.line), field \(fault.field)" : "line \(fault.line)"
            throw CommandFailure(
                code: "refused",
                message: "\(file) has \(TextLayout.count(reading.faultCount, "fault")); \(place): \(fault.message)",
                hint: "a bill of a faulty file would be wrong; see all: meterside nem12 check \(file)")
        }
        if let fault = reading.ratingFault {
            throw CommandFailure(code: "refused", message: "\(file), line \(reading.ratingLine): \(fault)")
        }
        if reading.rating.accounts.isEmpty {
            throw CommandFailure(
                code: "refused", message: "\(file) has no interval data to charge", hint: "NEM12 only, not NEM13")
        }
    }

    private static func lines(_ bill: Bill) -> [String] {
        var table = Table(.flexible("WHAT"), .right("QUANTITY"), .right("RATE"), .right("AMOUNT"))
        for line in bill.lines {
            let quantity =
                line.quantityWh.map { "\(kilo($0)) kWh" }
                ?? line.days.map { TextLayout.count(Int($0), "day") } ?? ""
            table.add(
                Table.Cell(line.what), Table.Cell(quantity),
                Table.Cell(line.rateMicro.map { TextLayout.money(micro: $0) } ?? ""),
                Table.Cell(TextLayout.money(micro: line.amountMicro)))
        }
        table.add("total", "", "", Table.Cell(TextLayout.money(micro: bill.totalMicro)))
        var lines = ["NMI \(bill.nmi)"] + table.lines()
        if bill.nullIntervals > 0 {
            lines.append("\(Nem12File.grouped(bill.nullIntervals)) null intervals are not charged")
        }
        return lines
    }

    /// Wh as kWh with three decimals.
    private static func kilo(_ wattHours: Int64) -> String {
        "\(wattHours / 1000).\(String(1000 + wattHours % 1000).dropFirst())"
    }
}

/// Charges day after day until something is wrong.
private struct RatedReading: Nem12Handler {
    var rating: SeriesRating
    var faultCount = 0
    var firstFault: Nem12Fault?
    var ratingFault: RatingFault?
    var ratingLine = 0

    mutating func day(_ day: Nem12Day) {
        guard faultCount == 0, ratingFault == nil else { return }
        do throws(RatingFault) {
            try rating.add(day)
        } catch {
            ratingFault = error
            ratingLine = day.line
        }
    }

    mutating func fault(_ fault: Nem12Fault) {
        faultCount += 1
        firstFault = firstFault ?? fault
    }
}

/// Time zones of this machine.
enum ZoneAccess {
    private static let folder = "/usr/share/zoneinfo"

    /// The rules of a zone by its name, such as `Europe/London`; `market` is UTC+10.
    static func rules(_ name: String) throws(CommandFailure) -> ZoneRules {
        if name == "market" { return .market }
        let isName = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte & 0xDF) || "+-_/".utf8.contains(byte)
        }
        guard isName, !name.isEmpty, !name.hasPrefix("/"), !name.hasSuffix("/") else {
            throw .usage("\"\(TextLayout.clean(name))\" is no time zone", hint: "such as Europe/London, or market")
        }
        let bytes: [UInt8]
        do throws(CommandFailure) { bytes = try FileAccess.read("\(folder)/\(name)", limit: 1 << 20) } catch {
            throw .usage(
                "no time zone \"\(name)\" in \(folder)",
                hint: "such as Europe/London, or market; the package tzdata has them")
        }
        do throws(ZoneFault) { return try ZoneRules(zoneFile: bytes) } catch {
            throw .usage("\(folder)/\(name): \(error)")
        }
    }
}
