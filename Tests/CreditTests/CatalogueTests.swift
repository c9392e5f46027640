import Metering
import Testing

@testable import Credit

struct CatalogueTests {
    @Test func commands_areSortedAndUnique() {
        let names = Catalogue.commands.map(\.name)
        #expect(names == Array(Set(names)).sorted())
        for spec in Catalogue.commands {
            #expect(Identifier.isValidName(spec.name))
            #expect(spec.summary.hasSuffix("."))
            #expect(Set(spec.arguments.map(\.name)).count == spec.arguments.count)
            #expect(Catalogue.command(spec.name)?.name == spec.name)
        }
        #expect(Catalogue.command("nothing") == nil)
    }

    @Test func classes_haveTheLivesOfTheContract() {
        #expect(CommandClass.supply.longestLife == 900)
        #expect(CommandClass.reconnect.longestLife == 86_400)
        #expect(CommandClass.credit.longestLife == 31_622_400)
        #expect(CommandClass.other.longestLife == 604_800)
        #expect(CommandClass.allCases.filter { !$0.needsCounter } == [.credit, .read])
        #expect(CommandClass.allCases.filter { !$0.worksWithoutClock } == [.supply, .other])
    }

    @Test func list_saysWhatACallerNeeds() {
        let ping = Catalogue.listJSON.array?.first { $0["name"] == "ping" }
        #expect(ping?["class"] == "read")
        #expect(ping?["roles"] == ["owner", "billing", "ops", "read", "installer", "viewer"])
        #expect(ping?["bulk"] == false)
        let detail = KeyAdd.spec.detailJSON
        #expect(detail["counter_required"] == true)
        #expect(detail["longest_life_s"] == 604_800)
        #expect(detail["args"]?.array?.compactMap { $0["name"]?.string } == ["kid", "role", "key", "proof"])
        #expect(detail["args"]?.array?.last?["must_be"] == "base64 of exactly 64 bytes")
    }

    @Test(arguments: [
        (ArgumentType.integer(1...5), JSONValue.integer(5), true), (.integer(1...5), 6, false),
        (.integer(1...5), "5", false), (.flag, true, true), (.flag, 1, false), (.text(1...3), "abc", true),
        (.text(1...3), "", false), (.text(1...3), "éé", false), (.name, "a.b-c_1", true), (.name, "a:b", false),
        (.name, "..", false), (.oneOf(["a"]), "a", true), (.oneOf(["a"]), "b", false),
        (.base64(bytes: 2), "AAA=", true),
        (.base64(bytes: 2), "AAB=", false), (.base64(bytes: 2), "AAA", false), (.base64(bytes: 2), "AA==", false),
        (.base64(bytes: 0), "", true), (.base64(bytes: 3), "++//", true), (.base64(bytes: 3), "--__", false),
        (.base64(bytes: 1), "A===", false), (.flag, nil, false),
    ])
    func argument_acceptsItsRangeOnly(type: ArgumentType, value: JSONValue, isAccepted: Bool) {
        #expect(type.accepts(value) == isAccepted)
    }

    @Test func channelValues_areWholeNumbersOfKnownChannels() {
        func accepts(_ value: JSONValue) -> Bool { ArgumentType.channelValues.accepts(value) }
        #expect(accepts(["import_wh": 0, "export_varh": 9_007_199_254_740_991]))
        #expect(!accepts(.object(JSONObject())))
        #expect(!accepts(["import_wh": -1]))
        #expect(!accepts(["import_wh": 9_007_199_254_740_992]))
        #expect(!accepts(["import_wh": "1"]))
        #expect(!accepts(["volts": 1]))
        #expect(!accepts(5))
    }

    @Test func check_namesWhatIsWrong() {
        let spec = CommandSpec(
            name: "x", summary: "X.", kind: .other, roles: [.owner],
            arguments: [ArgumentSpec("a", .integer(1...2), "a"), ArgumentSpec("b", .flag, isRequired: false, "b")])
        func fault(_ args: JSONObject) -> String? {
            do throws(ArgumentFault) {
                try spec.check(args)
                return nil
            } catch { return error.argument }
        }
        #expect(fault(["a": 1]) == nil)
        #expect(fault(["a": 1, "b": true]) == nil)
        #expect(fault([:]) == "a")
        #expect(fault(["a": 3]) == "a")
        #expect(fault(["a": 1, "b": 1]) == "b")
        #expect(fault(["a": 1, "c": 1]) == "unknown_member")
        #expect(fault(["a": 1, "b": nil]) == "b", "null is not absence")
    }
}
