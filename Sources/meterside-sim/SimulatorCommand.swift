import ArgumentParser
import CLinux
import Glibc

/// The command line's root.
@main
struct SimulatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meterside-sim", abstract: "Meters, a cloud and a demonstration without any hardware.",
        discussion: """
            Start with: meterside-sim demo
            Exit codes: 0 done, 1 bug, 2 usage, 3 a file is wrong, 4 something needed is missing, \
            5 the demonstration did not see what it should, or an invariant did not hold.
            """,
        subcommands: [
            DemoCommand.self, BoardCommand.self, HanAdapterCommand.self, ReplayCommand.self, CloudCommand.self,
            UpstreamsCommand.self, SoakCommand.self,
        ])

    static func main() {
        // A reader that hangs up must not end the board.
        _ = clinux_signal_ignore(SIGPIPE)
        Glibc.exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Parses and runs; every error becomes words on stderr and an exit code.
    private static func run(_ arguments: [String]) -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return 0
        } catch let failure as SimulatorFailure {
            Console.error("meterside-sim: \(failure.message)")
            return failure.status
        } catch {
            let text = fullMessage(for: error)
            guard exitCode(for: error) != .success else {
                Console.line(text)
                return 0
            }
            Console.error(text)
            return 2
        }
    }
}
