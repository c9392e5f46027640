import ArgumentParser
import Crypto
import Metering

/// `meterside credit topup UNIT AMOUNT`
struct CreditTopUpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topup", abstract: "Add a payment to a unit's account (root only).",
        discussion: """
            AMOUNT is in whole money with up to six decimals: 20, 12.50. --id makes a repetition safe: the same \
            payment id with the same amount adds nothing a second time, with another amount it is refused. Without \
            --id one is made up and shown.
            """)

    @OptionGroup var unit: UnitArgument

    @Argument(help: "The amount, such as 20 or 12.50.")
    var amount: AmountArgument

    @Option(name: .long, help: "The payment's id, unique for the unit for ever.")
    var id: String?

    @Option(name: .long, help: "A text of the seller's, at most 64 bytes.")
    var reference: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard id.map(PublicKeyFile.isIdentifier) ?? true else {
            throw ValidationError("--id takes 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
        }
    }

    func run() throws {
        var parameters = unit.parameters
        parameters["amount_micro"] = .integer(amount.micro)
        let payment = try id ?? Self.madeUp()
        parameters["id"] = .string(payment)
        parameters["reference"] = reference.map { .string($0) }
        let result: JSONValue
        do throws(CommandFailure) {
            result = try socket.connect(readsOnly: false).call("credit.topup", parameters, silence: 120)
        } catch {
            guard error.code == "permission" else { throw error }
            throw CommandFailure(
                code: "permission", message: "only root may add credit; the installer's group may not",
                hint: "run it with sudo, or send a payment_add signed by a billing key")
        }
        output.show(result) { Self.lines(result, payment: payment, amount: amount.micro, colour: $0) }
        let status = CommandSendCommand.status(result)
        if status != .done { throw status }
    }

    static func lines(_ result: JSONValue, payment: String, amount: Int64, colour: Bool) -> [String] {
        guard CommandSendCommand.status(result) == .done else {
            return CommandSendCommand.lines(result, colour: colour)
        }
        let isOld = result["result"]?["already_applied"] == true || result["repeat"] == true
        var facts = Facts()
        facts.add("payment", payment)
        facts.add("amount", TextLayout.money(micro: amount))
        facts.add("record", result.shown("seq"))
        if let balance = result["result"]?["balance_micro"]?.integer {
            facts.add("balance", TextLayout.money(micro: balance))
        }
        facts.add("", isOld ? "applied before; nothing was added now" : "applied", tone: isOld ? .doubtful : .good)
        return facts.lines(colour: colour)
    }

    private static func madeUp() throws(CommandFailure) -> String {
        do throws(CryptoError) {
            let bytes = try Random.bytes(9)
            return "local-" + String(decoding: Base64.urlText(bytes), as: UTF8.self)
        } catch {
            throw CommandFailure(code: "internal", message: "no random numbers: \(error)")
        }
    }
}

/// Money as people type it: `20`, `12.50`; at most 10¹² whole units, at most six decimals.
struct AmountArgument: Hashable, ExpressibleByArgument {
    var micro: Int64

    init?(argument: String) {
        let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = Self.digits(parts[0], most: 10) else { return nil }
        micro = whole * 1_000_000
        guard parts.count == 2 else { return }
        guard let fraction = Self.digits(parts[1], most: 6) else { return nil }
        micro += (parts[1].count..<6).reduce(fraction) { value, _ in value * 10 }
    }

    private static func digits(_ text: Substring, most: Int) -> Int64? {
        guard (1...most).contains(text.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
