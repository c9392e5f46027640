import ArgumentParser
import Metering

/// `meterside command sign`
struct CommandSignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Sign a command for the cloud to send; needs no daemon.",
        discussion: """
            Prints a JWS compact serialization. Send the same bytes again until a result comes: a repeat is harmless, \
            a new signature is a new command. Publish them on meterside/BOX/command.
            """)

    @Option(name: .long, help: "The secret key, a NAME.key of `key make`.")
    var key: String

    @Option(name: .long, help: "The key's id; the file's name without .key when left out.")
    var kid: String?

    @Option(name: .long, help: "The box's id.")
    var box: String

    @Option(name: .long, help: "The payment unit; the box itself when left out.")
    var unit: String?

    @Option(name: .long, help: "The command's name.")
    var name: String

    @Option(name: .long, help: "The arguments, a JSON object.")
    var args = "{}"

    @Option(name: .long, parsing: .unconditional, help: "When it expires; 15 minutes from now or --execute-at.")
    var exp: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "Not before this time.")
    var nbf: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "Not at once but then.")
    var executeAt: TimeArgument?

    @Option(name: .long, help: "Must rise with every command of this key; milliseconds since 1970 when left out.")
    var ctr: Int64?

    @Option(name: .long, help: "The command's id; random when left out.")
    var jti: String?

    @OptionGroup var output: JSONFlag

    func validate() throws {
        for (option, value) in [("--box", box), ("--unit", unit), ("--jti", jti), ("--kid", kid), ("--name", name)] {
            if let value, !PublicKeyFile.isIdentifier(value) {
                throw ValidationError("\(option) must be 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
            }
        }
        if let ctr, !(1...9_007_199_254_740_991).contains(ctr) {
            throw ValidationError("--ctr must be from 1 to 9007199254740991.")
        }
    }

    func run() throws {
        let claims = try claims(now: CommandLineClock.wall())
        let jws = try Signing.sign(claims, kid: try keyID(), secret: try Signing.secret(path: key))
        output.show(["jti": .string(claims.id), "claims": claims.json, "jws": .string(jws)]) { _ in [jws] }
    }

    private func keyID() throws(CommandFailure) -> String {
        if let kid { return kid }
        let file = key.split(separator: "/").last.map(String.init) ?? ""
        guard file.hasSuffix(".key"), PublicKeyFile.isIdentifier(String(file.dropLast(4))) else {
            throw .usage("the key's id cannot be seen from its file's name", hint: "give it with --kid")
        }
        return String(file.dropLast(4))
    }

    func claims(now: WallTime) throws(CommandFailure) -> CommandClaims {
        let execute = executeAt?.time(now: now)
        let expires = exp?.time(now: now) ?? (execute ?? now) + 900_000
        guard expires > now else { throw .usage("--exp is not ahead of now") }
        let needsCounter = CommandClaims.needsCounter(name)
        let id: String
        if let jti { id = jti } else { id = try Signing.freshID() }
        return CommandClaims(
            id: id, box: box, subject: unit ?? box, name: name,
            arguments: try Signing.arguments(args), issuedAt: now, expiresAt: expires, notBefore: nbf?.time(now: now),
            executeAt: execute, counter: ctr ?? (needsCounter ? now.milliseconds : nil))
    }
}
