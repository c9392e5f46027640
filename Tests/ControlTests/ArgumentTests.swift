import Metering
import Testing

@testable import meterside

/// What people type: times, lists, keys, claims.
@Suite struct ArgumentTests {
    private static let now = WallTime(text: "2026-03-02T07:30:15.250Z") ?? WallTime(seconds: 0)

    @Test(arguments: [
        ("now", "2026-03-02T07:30:15.250Z"), ("today", "2026-03-02T00:00:00.000Z"),
        ("yesterday", "2026-03-01T00:00:00.000Z"), ("-2h", "2026-03-02T05:30:15.250Z"),
        ("-3d", "2026-02-27T07:30:15.250Z"), ("+15m", "2026-03-02T07:45:15.250Z"), ("-30s", "2026-03-02T07:29:45.250Z"),
        ("-1w", "2026-02-23T07:30:15.250Z"), ("2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T12:00:00+10:00", "2026-01-31T02:00:00.000Z"),
    ])
    func time_isRead(text: String, expected: String) throws {
        #expect(try #require(TimeArgument(argument: text)).time(now: Self.now).text == expected)
    }

    @Test(arguments: [
        "", "-", "h", "-h", "2h", "-2", "-2x", "--2h", "-+2h", "-99999999999999999999d", "-40000d", "soon",
    ])
    func time_whenNonsense_isRefused(text: String) {
        #expect(TimeArgument(argument: text) == nil)
    }

    @Test func span_isCutIntoPieces() throws {
        let span = try TimeSpan(from: .shifted(-86_400_000 * 2 - 1000), to: .shifted(0), now: Self.now)
        let pieces = span.pieces(of: 86_400_000)
        #expect(pieces.count == 3)
        #expect(pieces.first?.from == span.from && pieces.last?.to == span.to)
        #expect(zip(pieces, pieces.dropFirst()).allSatisfy { $0.to == $1.from })
        #expect(throws: CommandFailure.self) { try TimeSpan(from: .shifted(0), to: .shifted(0), now: Self.now) }
    }

    @Test func numberList_takesRanges() {
        #expect(NumberList(argument: "1-3,33")?.numbers == [1, 2, 3, 33])
        #expect(NumberList(argument: "9600")?.numbers == [9600])
        for bad in ["", ",", "3-1", "a", "-1", "1-", "1-2-3", "0-300", "+1", "1 2"] {
            #expect(NumberList(argument: bad) == nil, "\(bad)")
        }
    }

    @Test func options_mayBeginWithAMinusSign() throws {
        let command = try MetersideCommand.parseAsRoot([
            "interval", "list", "--meter", "1", "--from", "-2h", "--to", "now",
        ])
        let list = try #require(command as? IntervalListCommand)
        #expect(list.from == .shifted(-7_200_000))
        #expect(list.to == .shifted(0))
    }

    @Test(arguments: [
        ["meter", "read"], ["meter", "scan"], ["meter", "scan", "a", "--port", "b"], ["capture", "--out", "x"],
        ["meter", "scan", "a", "--protocol", "dlms"], ["key", "make", "a/b", "--role", "ops"],
        ["key", "make", "a", "--role", "king"], ["interval", "list", "--meter", "1", "--from", "soon"], ["fly"],
        ["command", "sign", "--key", "k", "--box", "B", "--name", "ping", "--ctr", "0"],
    ])
    func usage_whenWrong_isRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try MetersideCommand.parseAsRoot(arguments) }
    }

    // MARK: Keys and signed commands

    @Test func publicKeyFile_isReadAsItIsWritten() throws {
        let file = PublicKeyFile(kid: "ops-1", role: "ops", key: "AAAA")
        #expect(file.text == "role = \"ops\"\nkey = \"AAAA\"\n")
        let commented = "# made today\n\n  key=\"AAAA\"\nrole   = \"ops\"\n"
        for text in [file.text, commented] {
            #expect(try PublicKeyFile(path: "/a/ops-1.pub", bytes: Array(text.utf8)) == file)
        }
    }

    @Test(arguments: [
        ("ops.txt", "role = \"ops\"\nkey = \"A\"\n"), ("a b.pub", "role = \"ops\"\nkey = \"A\"\n"),
        ("ops.pub", "role = \"king\"\nkey = \"A\"\n"), ("ops.pub", "role = \"ops\"\n"),
        ("ops.pub", "role = \"ops\"\nkey = \"A\"\nunits = [\"unit-1\"]\n"),
        ("ops.pub", "role = \"ops\"\nrole = \"ops\"\n"), ("ops.pub", ""),
    ])
    func publicKeyFile_whenOtherwise_isRefused(name: String, text: String) {
        #expect(throws: CommandFailure.self) { try PublicKeyFile(path: name, bytes: Array(text.utf8)) }
    }

    @Test func counter_isNeededForWhatSetsState() {
        for name in ["omnipower_set", "time_attest", "key_add", "supply_mode_set", "usage_place_disconnect"] {
            #expect(CommandClaims.needsCounter(name), "\(name)")
        }
        for name in ["payment_add", "loan_extend", "ping", "tariff_fetch", "units_list", "x_get_all", "x_find"] {
            #expect(!CommandClaims.needsCounter(name), "\(name)")
        }
    }

    @Test func sign_fillsInWhatIsLeftOut() throws {
        let command = try #require(
            try MetersideCommand.parseAsRoot(
                [
                    "command", "sign", "--key", "ops.key", "--box", "BOX", "--name", "omnipower_set", "--unit",
                    "unit-1",
                    "--args", "{\"enabled\":true}",
                ]) as? CommandSignCommand)
        let claims = try command.claims(now: Self.now).json
        #expect(claims["aud"] == "BOX" && claims["sub"] == "unit-1" && claims["cmd"] == "omnipower_set")
        #expect(claims["iat"] == 1_772_436_615 && claims["exp"] == 1_772_437_515)
        #expect(claims["ctr"] == .integer(Self.now.milliseconds))
        #expect(claims["jti"]?.string?.count == 32)
        #expect(claims["args"] == ["enabled": true])
        #expect(claims["execute_at"] == nil && claims["nbf"] == nil)
    }

    @Test func sign_countsItsLifeFromTheTimeOfExecution() throws {
        let command = try #require(
            try MetersideCommand.parseAsRoot(
                [
                    "command", "sign", "--key", "ops.key", "--box", "BOX", "--name", "ping", "--jti", "j1",
                    "--execute-at", "+1h",
                ]) as? CommandSignCommand)
        let claims = try command.claims(now: Self.now).json
        #expect(claims["execute_at"] == 1_772_440_215 && claims["exp"] == 1_772_441_115)
        #expect(claims["sub"] == "BOX" && claims["jti"] == "j1" && claims["ctr"] == nil)
    }

    @Test func arguments_mustBeAnObject() throws {
        #expect(try Signing.arguments("{\"a\":1}") == ["a": 1])
        for bad in ["", "[]", "1", "{\"a\":1.5}", "{\"a\":1,\"a\":2}", "enabled=true"] {
            #expect(throws: CommandFailure.self, "\(bad)") { try Signing.arguments(bad) }
        }
    }
}
