import CLinux
import Control
import Glibc
import Journal
import Logging
import Metering

/// The agent's process: reads its command line, starts everything in order, and runs the one loop.
@main
struct Daemon {
    static func main() {
        exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Exit codes as the command line's: 0 done, 1 our bug or a failed start, 2 usage, 3 configuration, 5 faults found.
    static func run(_ arguments: [String]) -> Int32 {
        // A client that hangs up, or a file at its size limit, must not end the process (reference: reliability).
        _ = clinux_signal_ignore(SIGPIPE)
        _ = clinux_signal_ignore(SIGXFSZ)
        let options: Options
        do throws(Options.Fault) { options = try Options(arguments) } catch {
            StandardErrorLog.write("metersided: \(error.message)\n")
            return 2
        }
        switch options.action {
        case .help:
            Output.write(Options.usage)
            return 0
        case .version:
            Output.write("metersided \(ProductVersion.text)\n")
            return 0
        case .check: return check(options)
        case .verify: return verify(options)
        case .run: return Service(options).run()
        }
    }

    private static func check(_ options: Options) -> Int32 {
        do throws(ConfigurationReader.Refusal) {
            let configuration = try ConfigurationReader(options).read()
            Output.write("\(options.configuration): sound\n")
            for section in configuration.dormant {
                Output.write("note: [\(section)] is checked, but this version does not act on it yet\n")
            }
            return 0
        } catch {
            for fault in error.faults { Output.write("\(fault)\n") }
            return 3
        }
    }

    private static func verify(_ options: Options) -> Int32 {
        do throws(JournalError) {
            let journal = try JournalStore(readOnly: options.state + "/journal.db")
            let report = try VerifyReport.whole(journal)
            var json = report.json.object ?? JSONObject()
            let checkpoint = try UnitCheckpoint(folder: options.state).verify(journal)
            json["unit_checkpoint"] = .string(checkpoint.word)
            if checkpoint.isFalse { json["ok"] = false }
            Output.write(String(decoding: JSONWriter.compact(.object(json)), as: UTF8.self) + "\n")
            return report.isSound && !checkpoint.isFalse ? 0 : 5
        } catch {
            StandardErrorLog.write("metersided: \(error)\n")
            return 5
        }
    }
}

/// Standard output, unbuffered.
enum Output {
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let count = Glibc.write(STDOUT_FILENO, rest.base.baseAddress.map { $0 + rest.startIndex }, rest.count)
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}

extension ConfigurationReader {
    init(_ options: Options) {
        self.init(
            file: options.configuration,
            models: ModelLibrary(
                share: ShareFolder.find(options.share),
                configurationFolder: FilePath.folder(of: options.configuration)))
    }
}
