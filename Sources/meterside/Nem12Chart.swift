import Intervals
import Metering

/// Charts as inline SVG, in whole numbers: the drawing is stretched to the page, its words stand beside it.
enum Nem12Chart {
    private static let height: Int64 = 1000

    /// Energy of every calendar day between the first and the last; days without a record leave a hole.
    static func daily(_ days: [Nem12Picture.Day]) -> [String] {
        guard let first = days.first?.day, let last = days.last?.day else { return [] }
        let most = max(days.map(\.importWh).max() ?? 0, 1)
        let mostOut = max(days.map(\.exportWh).max() ?? 0, 0)
        let hasOut = mostOut > 0
        let scale = max(Int128(most) + Int128(mostOut), 1)
        let base = Int64(Int128(most) * Int128(height) / scale)
        let width = (last - first + 1) * 10
        var bars: [String] = []
        for day in days {
            let x = (day.day - first) * 10
            let up = Int64(Int128(day.importWh) * Int128(height) / scale)
            let down = Int64(Int128(day.exportWh) * Int128(height) / scale)
            var words = "\(Nem12File.date(day.day)): \(kilowattHours(day.importWh)) kWh"
            if hasOut { words += " used, \(kilowattHours(day.exportWh)) kWh fed in" }
            let kind = day.null > 0 ? "x" : day.replaced > 0 ? "r" : "i"
            if day.null > 0 { words += ", \(day.null) of \(day.values) values null" }
            if day.replaced > 0 { words += ", \(day.replaced) of \(day.values) values estimated or substituted" }
            // A day that used nothing still shows that there is a record.
            let top = max(up, 6)
            bars.append(
                "<g><title>\(words)</title><rect class=\"\(kind)\" x=\"\(x + 1)\" y=\"\(base - top)\" width=\"8\" "
                    + "height=\"\(top)\"/>"
                    + (down > 0
                        ? "<rect class=\"e\" x=\"\(x + 1)\" y=\"\(base)\" width=\"8\" height=\"\(down)\"/>" : "")
                    + "</g>")
        }
        var key = "<span class=\"ki\">used</span>"
        if hasOut { key += "<span class=\"ke\">fed in</span>" }
        key += "<span class=\"kr\">day with estimated or substituted values</span>"
        key += "<span class=\"kx\">day with null values</span>"
        return [
            "<h2>Energy by day, all connection points</h2>", "<p class=\"key\">\(key)</p>",
            "<div class=\"axis\"><span>up to \(kilowattHours(most)) kWh a day</span></div>",
            svg(width: width, "Energy by day", bars),
            "<div class=\"axis\"><span>\(Nem12File.date(first))</span><span>\(Nem12File.date(last))</span></div>",
        ]
    }

    /// The mean of all days, half hour by half hour.
    static func meanDay(_ picture: Nem12Picture) -> [String] {
        let most = picture.profile.max() ?? 0
        guard most > 0, !picture.days.isEmpty else { return [] }
        var bars: [String] = []
        for (half, energy) in picture.profile.enumerated() {
            let bar = Int64(energy * Int128(height) / most)
            let mean = Int64(clamping: energy / Int128(picture.days.count))
            bars.append(
                "<g><title>\(clock(half)) to \(clock(half + 1)): \(kilowattHours(mean)) kWh</title>"
                    + "<rect class=\"i\" x=\"\(half * 10 + 1)\" y=\"\(height - bar)\" width=\"8\" "
                    + "height=\"\(bar)\"/></g>")
        }
        let top = Int64(clamping: most / Int128(picture.days.count))
        return [
            "<h2>The mean day, half hour by half hour (market time)</h2>",
            "<div class=\"axis\"><span>up to \(kilowattHours(top)) kWh a half hour</span></div>",
            svg(width: 480, "Mean energy used in each half hour", bars),
            "<div class=\"axis\"><span>00:00</span><span>06:00</span><span>12:00</span><span>18:00</span>"
                + "<span>24:00</span></div>",
        ]
    }

    private static func svg(width: Int, _ label: String, _ shapes: [String]) -> String {
        "<svg viewBox=\"0 0 \(width) \(height)\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(label)\">"
            + shapes.joined() + "</svg>"
    }

    private static func clock(_ half: Int) -> String {
        "\(half / 2 < 10 ? "0" : "")\(half / 2):\(half % 2 == 0 ? "00" : "30")"
    }

    /// Rounded down to a tenth.
    private static func kilowattHours(_ wattHours: Int64) -> String {
        "\(Nem12File.grouped(wattHours / 1000)).\(wattHours % 1000 / 100)"
    }
}
