import ArgumentParser
import Glibc

/// The command line's root: `meterside <noun> <verb>`.
@main
struct MetersideCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meterside", abstract: "Talks to metersided, the agent beside the meter board.",
        discussion: """
            Answers go to stdout, everything else to stderr; --json prints answers and errors as JSON.
            Exit codes: 0 done, 1 bug, 2 usage, 3 configuration, 4 no reply, 5 refused or faults found, \
            6 upstream failed.
            """,
        subcommands: [
            StatusCommand.self, DoctorCommand.self, EventsCommand.self, VersionCommand.self, SchemaCommand.self,
            SupportBundleCommand.self,
            MeterGroup.self,
            IntervalGroup.self, ConfigGroup.self, LedgerGroup.self, OutboxGroup.self, KeyGroup.self,
            CommandGroup.self, UnitGroup.self, CreditGroup.self, SupplyGroup.self, RequestGroup.self,
            ScheduleGroup.self, TemplateGroup.self, CommissionCommand.self, RepositGroup.self, HanGroup.self,
            RedexGroup.self, CaptureCommand.self, ReplayCommand.self, Nem12Group.self,
        ])

    static func main() {
        Glibc.exit(run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Parses and runs; every error becomes words on stderr (or JSON on stdout) and one of our exit codes.
    static func run(_ given: [String]) -> CommandStatus {
        let arguments = withoutLeadingOptions(given)
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return .done
        } catch let status as CommandStatus {
            return status
        } catch let failure as CommandFailure {
            Terminal.progress("")
            return report(failure, json: arguments.contains("--json"))
        } catch {
            return reportParsing(error, json: arguments.contains("--json"))
        }
    }

    /// `--socket PATH` and `--json` may stand before the noun too: the path becomes METERSIDE_SOCKET, which verbs that
    /// need no daemon do not mind, and `--json` moves to the verb.
    static func withoutLeadingOptions(_ given: [String]) -> [String] {
        var rest = given[...]
        var wantsJSON = false
        let equals = "--socket="
        while let first = rest.first {
            if first == "--json", rest.count > 1 {
                wantsJSON = true
            } else if first == "--socket", rest.count > 1 {
                rest.removeFirst()
                setenv("METERSIDE_SOCKET", rest.first ?? "", 1)
            } else if first.hasPrefix(equals) {
                setenv("METERSIDE_SOCKET", String(first.dropFirst(equals.utf8.count)), 1)
            } else {
                break
            }
            rest.removeFirst()
        }
        return Array(rest) + (wantsJSON && !rest.contains("--json") ? ["--json"] : [])
    }

    private static func report(_ failure: CommandFailure, json: Bool) -> CommandStatus {
        if json {
            Terminal.out(failure.json)
        } else {
            Terminal.error(failure.lines(width: Terminal.showsProgress ? TextLayout.width : .max))
        }
        return failure.status
    }

    /// The parser's own errors, and its requests for help, which are none.
    private static func reportParsing(_ error: any Error, json: Bool) -> CommandStatus {
        if exitCode(for: error) == .success {
            Terminal.out([fullMessage(for: error)])
            return .done
        }
        if json { return report(.usage(message(for: error), hint: "see meterside --help"), json: true) }
        Terminal.error([fullMessage(for: error)])
        return .usage
    }
}

/// `meterside meter …`
struct MeterGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meter", abstract: "Read meters, and find them.",
        subcommands: [
            MeterListCommand.self, MeterReadCommand.self, MeterWatchCommand.self, MeterSurveyCommand.self,
            MeterScanCommand.self, MeterReplaceCommand.self,
        ])
}

/// `meterside interval …`
struct IntervalGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interval", abstract: "Intervals that the box keeps.",
        subcommands: [IntervalListCommand.self, IntervalGapsCommand.self])
}

/// `meterside config …`
struct ConfigGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "The daemon's configuration.",
        subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self])
}

/// `meterside ledger …`
struct LedgerGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The journal and its chain of hashes.",
        subcommands: [LedgerVerifyCommand.self, LedgerExportCommand.self])
}

/// `meterside outbox …`
struct OutboxGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox", abstract: "What the cloud has not acknowledged yet.",
        subcommands: [OutboxShowCommand.self, OutboxRetryCommand.self])
}

/// `meterside key …`
struct KeyGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Keys that may sign commands.",
        subcommands: [KeyMakeCommand.self, KeyImportCommand.self, KeyListCommand.self])
}

/// `meterside command …`
struct CommandGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "command", abstract: "Commands to the box and its payment units.",
        subcommands: [
            CommandListCommand.self, CommandShowCommand.self, CommandSendCommand.self, CommandSignCommand.self,
        ])
}
