import Bus
import CLinux
import Control
import Gateway
import Glibc
import Journal
import Logging
import Metering
import Upstream

/// Starts the parts in order, runs the loop, and stops them in reverse.
struct Service {
    let options: Options

    init(_ options: Options) { self.options = options }

    func run() -> Int32 {
        let log = Logger(label: "metersided") { _ in StandardErrorLog() }
        let models = ModelLibrary(
            share: ShareFolder.find(options.share), configurationFolder: FilePath.folder(of: options.configuration))
        var configuration: DaemonConfiguration?
        if access(options.configuration, F_OK) == 0 {
            do throws(ConfigurationReader.Refusal) {
                configuration = try ConfigurationReader(file: options.configuration, models: models).read()
            } catch {
                for fault in error.faults { log.error("\(fault)") }
                return 3
            }
        } else {
            log.notice("there is no \(options.configuration): unconfigured; `meterside commission` makes one")
        }
        if options.changesTime, let configuration, configuration.board != "simulated" {
            log.error("\(StartFault.scaledTime.message)")
            return 2
        }
        do throws(StartFault) {
            let loop = try MainLoop(options: options, configuration: configuration, log: log)
            return loop.run()
        } catch {
            log.critical("\(error.message)")
            return error.code
        }
    }
}

/// Why the daemon could not start.
struct StartFault: Error {
    var message: String
    var code: Int32 = 1

    static let scaledTime = StartFault(
        message: "--time-scale and --time-pace are for board = \"simulated\" only", code: 2)
}
