import ArgumentParser
import Control
import Metering

/// Where the daemon is.
struct SocketOption: ParsableArguments {
    @Option(name: .long, help: "The daemon's socket (also METERSIDE_SOCKET).")
    var socket: String?

    var address: ControlAddress {
        ControlAddress(option: socket, environment: Terminal.environment("METERSIDE_SOCKET"))
    }

    /// Connects. `readsOnly`: `read.sock` will do when `control.sock` is closed to this user.
    func connect(readsOnly: Bool = true) throws(CommandFailure) -> Daemon {
        do throws(ControlError) {
            return Daemon(
                client: try ControlClient(
                    address, readsOnly: readsOnly, clock: CommandLineClock.uptime,
                    isInterrupted: { Interruption.happened }))
        } catch {
            throw CommandFailure(error)
        }
    }
}

/// `--json`.
struct JSONFlag: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false

    /// Prints the value, or the lines for people.
    func show(_ value: JSONValue, _ lines: (_ colour: Bool) -> [String]) {
        if json {
            Terminal.out(value)
        } else {
            Terminal.out(lines(Terminal.showsColour))
        }
    }
}

/// A connection whose errors are those of the command line.
struct Daemon {
    let client: ControlClient

    /// Asks and waits: for ever when `silence` is nil, else so many seconds without answer or progress.
    func call(
        _ method: String, _ parameters: JSONObject = JSONObject(), silence: Int? = 30,
        progress: (JSONObject) -> Bool = { _ in true }
    ) throws(CommandFailure) -> JSONValue {
        do throws(ControlError) {
            return try client.call(method, parameters, silence: silence, progress: progress)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// The box's own clock: what `now` and `-2h` count from.
    func now() throws(CommandFailure) -> WallTime {
        let version = try call("version")
        return version["at"]?.string.flatMap { WallTime(text: $0) } ?? CommandLineClock.wall()
    }

    /// Follows a method that may never end by itself, until Ctrl-C (nil then).
    func follow(
        _ method: String, _ parameters: JSONObject, each: (JSONObject) throws(CommandFailure) -> Void
    ) throws(CommandFailure) -> JSONValue? {
        Interruption.watch()
        var trouble: CommandFailure?
        do throws(ControlError) {
            return try client.call(method, parameters, silence: nil) { members in
                do throws(CommandFailure) {
                    try each(members)
                    return true
                } catch {
                    trouble = error
                    return false
                }
            }
        } catch {
            if let trouble { throw trouble }
            guard error == .interrupted else { throw CommandFailure(error) }
            return nil
        }
    }
}

extension JSONValue {
    /// The members of a list under a name, or the list itself; empty when it is neither.
    func items(_ name: String) -> [JSONValue] { self[name]?.array ?? array ?? [] }

    /// For a cell: texts as they are, numbers as digits, nothing as a dash, the rest as JSON.
    var shown: String {
        switch self {
        case .null: "-"
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let flag): flag ? "yes" : "no"
        case .array, .object: String(decoding: JSONWriter.compact(self), as: UTF8.self)
        }
    }

    /// The member for a cell; a dash when it is missing.
    func shown(_ name: String) -> String { self[name]?.shown ?? "-" }
}
