import ArgumentParser
import Crypto
import Drivers
import Glibc
import Metering

/// `meterside han check-code CODE`
struct HanCheckCodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-code", abstract: "Check an install code against its own CRC.",
        discussion: """
            Needs no daemon and keeps nothing. CODE is what the label says, in any writing; without it the code is \
            read from the terminal without showing it, or from standard input, which keeps it out of the process list \
            and the shell's history. Ends with 5 when the code is wrong.
            """)

    @Argument(help: "The code: 16, 20, 28 or 36 hexadecimal digits, CRC included.")
    var code: [String] = []

    @Flag(help: "Also show the link key that follows from it; only on a terminal.")
    var showKey = false

    @OptionGroup var output: JSONFlag

    func run() throws {
        if showKey, !Terminal.isInteractive {
            throw CommandFailure.usage(
                "the link key is shown on a terminal only", hint: "leave --show-key out, or do not redirect the output")
        }
        let check = Self.check(code.isEmpty ? try Self.typed() : Array(code.joined().utf8))
        var key: String?
        if showKey, let code = check.code { key = try Self.key(of: code) }
        var json = check.json
        json["link_key"] = key.map { .string($0) }
        output.show(.object(json)) { Self.lines(json, colour: $0) }
        if check.code == nil { throw CommandStatus.refused }
    }

    /// What a code comes to: `{ok, bytes, crc_ok, why}`.
    static func check(_ text: [UInt8]) -> (code: InstallCode?, json: JSONObject) {
        do throws(InstallCodeFault) {
            let code = try InstallCode(text: text)
            return (
                code, ["ok": true, "bytes": JSONValue(code.secret.bytes.count), "crc_ok": true, "why": .null]
            )
        } catch {
            let (bytes, crc): (JSONValue, JSONValue) =
                switch error {
                case .digit: (.null, .null)
                case .length(let digits): (digits % 2 == 0 ? JSONValue(digits / 2) : .null, .null)
                case .checksum(let bytes): (JSONValue(bytes), false)
                }
            return (
                nil,
                [
                    "ok": false, "bytes": bytes, "crc_ok": crc, "fault": .string(error.word),
                    "why": .string(error.description),
                ]
            )
        }
    }

    static func lines(_ json: JSONObject, colour: Bool) -> [String] {
        var facts = Facts()
        let isGood = json["ok"] == true
        let bytes = json["bytes"]?.integer.map { "\($0 - 2) bytes and their CRC" } ?? ""
        facts.add("code", isGood ? "good: \(bytes)" : json["why"]?.string ?? "", tone: isGood ? .good : .bad)
        facts.add("link key", ifAny: json["link_key"]?.string)
        return facts.lines(colour: colour)
    }

    private static func key(of code: InstallCode) throws(CommandFailure) -> String {
        do throws(CryptoError) {
            let key = try code.linkKey { (block, key) throws(CryptoError) in
                try AES128.encrypt(block: block, key: key)
            }
            return key.bytes.map { byte in
                let text = String(byte, radix: 16, uppercase: true)
                return text.utf8.count == 1 ? "0" + text : text
            }.joined()
        } catch {
            throw CommandFailure(code: "internal", message: "\(error)")
        }
    }

    /// One line from the terminal, not echoed, or from a pipe.
    private static func typed() throws(CommandFailure) -> [UInt8] {
        var usual = termios()
        let isTerminal = isatty(0) == 1 && tcgetattr(0, &usual) == 0
        if isTerminal {
            Terminal.error(["Type the install code; it is not shown:"])
            var silent = usual
            silent.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(0, TCSAFLUSH, &silent)
        }
        defer { if isTerminal { tcsetattr(0, TCSAFLUSH, &usual) } }
        guard let line = readLine(strippingNewline: true) else {
            throw .usage("no install code was given", hint: "write it behind check-code, or into standard input")
        }
        return Array(line.utf8.prefix(256))
    }
}
