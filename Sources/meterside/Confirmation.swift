import Glibc
import Metering

/// Asks before something that a home would feel: the meter's serial is typed back, or --yes says it beforehand.
enum Confirmation {
    /// - Parameters:
    ///   - what: what will happen, for people.
    ///   - serials: of the meters behind the unit; one of them is to be typed.
    static func ask(_ what: String, serials: [String], isGiven: Bool) throws(CommandFailure) {
        if isGiven { return }
        guard isatty(0) == 1, isatty(2) == 1 else {
            throw .usage(what, hint: "there is no terminal to ask on: say it again with --yes")
        }
        guard !serials.isEmpty else {
            throw .usage(what, hint: "the unit has no meter whose serial could be typed: say it again with --yes")
        }
        Terminal.error(TextLayout.wrapped(TextLayout.clean(what), indent: 0))
        Terminal.ask("Type the meter's serial to go on: ")
        let typed = readLine()?.filter { !$0.isWhitespace } ?? ""
        guard serials.contains(typed) else {
            throw CommandFailure(
                code: "refused", message: "that is no serial of this unit's meters; nothing was done",
                hint: "look at the meter's plate; `meterside unit show` lists them")
        }
    }
}
