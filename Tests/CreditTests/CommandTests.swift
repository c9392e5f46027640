import Metering
import Testing

@testable import Credit

/// The catalogue's part of the reference's table, and what each command takes and refuses.
struct CommandTests {
    /// Names of reference/payment-unit-commands.md §7 that are done, and those that the contract adds.
    static let names = """
        arrears_cached_get arrears_cached_get_all arrears_fetch arrears_set bulk_progress_get bulk_result_get
        credit_adjust credit_cached_get credit_cached_get_all credit_fetch credit_last_additions_fetch
        credit_report_cached_get credit_report_cached_get_all credit_report_fetch credit_set currency_cached_get
        currency_cached_get_all currency_fetch currency_set daylight_saving_cached_get daylight_saving_cached_get_all
        daylight_saving_fetch daylight_saving_set display_text_show firmware_version_fetch
        firmware_version_cached_get firmware_version_cached_get_all emergency_credit_cached_get emergency_credit_cached_get_all
        emergency_credit_fetch emergency_credit_set friendly_days_cached_get friendly_days_cached_get_all
        friendly_days_fetch friendly_days_set home_message_cached_get home_message_cached_get_all home_message_fetch
        home_message_set loan_extend low_credit_cached_get low_credit_cached_get_all
        low_credit_fetch low_credit_set meter_reading_cached_get meter_reading_cached_get_all meter_reading_fetch
        omnipower_cached_get omnipower_cached_get_all omnipower_fetch omnipower_relay_fetch omnipower_set
        operational_mode_cached_get operational_mode_cached_get_all operational_mode_fetch operational_mode_set
        payment_add payment_pending_find payment_reverse regular_deduction_cached_get
        regular_deduction_cached_get_all regular_deduction_fetch regular_deduction_set request_cancel request_list
        schedule_cancel schedule_list snapshot_get snapshot_get_all special_days_cached_get
        special_days_cached_get_all special_days_fetch special_days_set suggestion_cached_get
        suggestion_cached_get_all suggestion_fetch suggestion_set supply_mode_cached_get supply_mode_cached_get_all
        supply_mode_fetch supply_mode_set tariff_cached_get tariff_cached_get_all tariff_fetch tariff_set
        tariff_unit_list template_action_list template_application_get template_apply
        template_available_action_list template_base_list template_list template_upsert unit_list
        ping key_add key_revoke time_attest usage_place_disconnect usage_place_reconnect han_bind han_unbind
        han_bind_status_get meter_replace commissioning_status_get reposit_register_single reposit_register_three
        reposit_validate reposit_register_site reposit_connected redex_devices_refresh redex_devices_get
        redex_brands_refresh redex_brands_get redex_generation_submit powerbox_customer_refresh powerbox_customer_get
        """.split { $0 == " " || $0 == "\n" }.map(String.init)

    @Test func names_areThoseOfTheReference() {
        #expect(Catalogue.commands.map(\.name) == Self.names.sorted())
    }

    @Test func classes_followTheContract() {
        for spec in Catalogue.commands {
            let isRead =
                spec.name == "ping"
                || ["_fetch", "_get", "_get_all", "_list", "_find"].contains { spec.name.hasSuffix($0) }
            #expect((spec.kind == .read) == isRead, "\(spec.name)")
            if spec.kind == .read { #expect(spec.isForEveryKey, "\(spec.name)") }
        }
        func names(_ kind: CommandClass) -> [String] {
            Catalogue.commands.filter { $0.kind == kind }.map(\.name)
        }
        #expect(names(.credit) == ["credit_adjust", "loan_extend", "payment_add", "payment_reverse"])
        #expect(names(.supply) == ["omnipower_set", "supply_mode_set", "usage_place_disconnect"])
        #expect(names(.reconnect) == ["usage_place_reconnect"])
    }

    @Test func bulk_isWhatTheIndexHas() {
        let bulk = Catalogue.commands.filter(\.bulk).map(\.name)
        #expect(
            bulk == [
                "credit_adjust", "credit_fetch", "credit_set", "daylight_saving_set", "display_text_show",
                "emergency_credit_set",
                "friendly_days_set", "loan_extend", "low_credit_set", "meter_reading_fetch", "operational_mode_set",
                "regular_deduction_set", "special_days_set", "tariff_set", "template_apply",
            ])
        let templates = Catalogue.commands.filter(\.template).map(\.name)
        #expect(templates.allSatisfy { $0.hasSuffix("_set") } && templates.count == 14)
        #expect(!templates.contains("credit_set"), "a balance is set once, not by template")
    }

    // MARK: Arguments

    static func spec(_ name: String) throws -> CommandSpec { try #require(Catalogue.command(name)) }

    static func fault(_ name: String, _ args: String) throws -> String? {
        let object = try #require(try JSONReader.read(Array(args.utf8)).object)
        let spec = try spec(name)
        do throws(ArgumentFault) {
            try spec.check(object)
            return nil
        } catch {
            return error.argument
        }
    }

    /// Arguments that are as good as they can be: everything is there.
    static let good = """
        payment_add | {"payment_id":"p","amount_micro":10000,"currency":"AUD","paid_at":"2026-01-01T00:00:00Z",\
        "channel":"shop","reference":"r"}
        payment_reverse | {"payment_id":"p","reversal_id":"r","reason":"cheque"}
        payment_pending_find | {"since":1767225600}
        credit_adjust | {"adjustment_id":"a","delta_micro":-1000000000000,"reason":""}
        credit_set | {"adjustment_id":"a","balance_micro":-5}
        loan_extend | {"loan_id":"l","amount_micro":1,"expires_at":"2026-01-01T00:00:00Z"}
        credit_report_fetch | {"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}
        tariff_set | {"tariff_id":8,"unit":"kWh","standing_micro_per_day":536800,"vat_bp":500,\
        "valid_from":"2026-01-01T00:00:00Z","bands":[{"name":"peak","rate_micro":412000,"from_quantity_wh":0},\
        {"name":"off","rate_micro":1}],"times":[{"band":"peak","days":["mon","fri"],"from":"15:00","to":"24:00",\
        "season":{"from":"--11-01","to":"--03-31"}}],"blocks":{"reset":"day"}}
        tariff_fetch | {"tariff_id":1}
        tariff_cached_get_all | {"tariff_id":1,"page":1,"limit":500}
        emergency_credit_set | {"limit_micro":5000000,"offer_below_micro":1000000,"auto_activate":true,\
        "suspend_standing_charge":true,"suspend_arrears":false}
        low_credit_set | {"enabled":true,"threshold_micro":1,"audible":true,"repeat_minutes":1440}
        arrears_set | {"balance_micro":1,"recovery":{"mode":"percent_of_payment","percent_bp":1000,\
        "weekly_cap_micro":5}}
        arrears_set | {"balance_micro":1,"recovery":{"mode":"per_period","amount_micro":5,"period":"weekly",\
        "at":"07:30","weekday":"tue"}}
        regular_deduction_set | {"amount_micro":1,"enabled":false,"period":"monthly","at":"00:00","day":28}
        suggestion_set | {"lookback_days":90,"cover_days":1,"round_up_to_micro":1000000,"min_micro":0,"max_micro":9}
        friendly_days_set | {"days":{"mon":[{"from":"00:00","to":"08:00"},{"from":"15:00","to":"08:00"}],\
        "sun":[{"from":"00:00","to":"24:00"}]},"requires_credit_at_start":false}
        special_days_set | {"days":[{"date":"2026-12-25"},{"date":"--01-01","from":"10:00","to":"24:00"}]}
        daylight_saving_set | {"intervals":[{"start":"2026-10-04T00:00:00Z","end":"2027-04-04T00:00:00Z",\
        "offset_minutes":60}]}
        supply_mode_set | {"mode":"force_off","reason":"works","expires_at":"2026-10-04T00:00:00Z"}
        operational_mode_set | {"mode":"factory","confirm":true,"effective_at":"2026-10-04T00:00:00Z"}
        omnipower_set | {"enabled":true,"meter_slot":16,"reconnect":"button_release"}
        display_text_show | {"text":"Hello","duration_s":86400,"clear_on_button":true}
        home_message_set | {"text":"The office is closed","expires_at":"2026-10-04T00:00:00Z"}
        currency_set | {"symbol":"kr","minor_symbol":"p","symbol_position":"after","decimals":3}
        usage_place_disconnect | {"request_id":"r","usageplacecode":"643006","customernumber":"1","contract_no":"2",\
        "invoices":[{"jobid":7,"invoicenumber":"8"}],"not_before":1,"expires_at":2}
        usage_place_reconnect | {"invoices":[{"invoicenumber":"594294","jobid":"1234"}]}
        template_upsert | {"template_id":"t","name":"T","revision":1,"actions":[{"command":"low_credit_set",\
        "payload":{"threshold_micro":1}}]}
        template_apply | {"application_id":"a","template_id":"t","revision":1,"continue_on_error":true}
        request_list | {"request_id":"r","unit_id":"u","state":"queued","since":0,"limit":1}
        schedule_cancel | {"schedule_id":"r"}
        schedule_list | {"unit_id":"u","from":0,"to":1}
        bulk_result_get | {"bulk_name":"all of them"}
        template_action_list | {"application_id":"a","state":"completed","limit":500}
        unit_list | {"state":"armed"}
        """

    static let rows: [[String]] = good.split(separator: "\n").map { line in
        line.split(separator: "|").map { $0.drop { $0 == " " } }.map { String($0) }
    }

    @Test(arguments: rows)
    func arguments_whenGood_areTaken_byTheCommandAndByItsSpecs(row: [String]) throws {
        let name = row[0].filter { $0 != " " }
        #expect(try Self.fault(name, row[1]) == nil)
        // The specs stand in the schema: what the command's own reader takes, they must take.
        let object = try #require(try JSONReader.read(Array(row[1].utf8)).object)
        try ArgumentSpec.check(object, try Self.spec(name).arguments)
        // And everything that the specs name is there.
        let specs = try Self.spec(name).arguments
        for (member, _) in object.members { #expect(specs.contains { $0.name == member }) }
        // One unknown member spoils it.
        var spoilt = object
        spoilt["surprise"] = 1
        #expect(
            try Self.fault(name, String(decoding: JSONWriter.compact(.object(spoilt)), as: UTF8.self))
                == "unknown_member")
        // So does the loss of one that is required.
        for spec in specs where spec.isRequired {
            var less = object
            less[spec.name] = nil
            #expect(
                try Self.fault(name, String(decoding: JSONWriter.compact(.object(less)), as: UTF8.self))
                    == spec.name)
        }
    }

    @Test(arguments: [
        ("credit_adjust", #"{"adjustment_id":"a","delta_micro":0}"#, "delta_micro"),
        ("tariff_set", #"{"bands":[{"name":"a","rate_micro":1,"colour":1}]}"#, "bands[0].unknown_member"),
        ("tariff_set", #"{"tariff_id":9,"bands":[{"name":"a","rate_micro":1}]}"#, "tariff_id"),
        ("friendly_days_set", #"{"days":{"mon":[{"from":"25:00","to":"08:00"}]}}"#, "days.mon[0].from"),
        ("request_list", #"{"limit":0}"#, "limit"), ("request_list", #"{"state":"lost"}"#, "state"),
        ("schedule_cancel", "{}", "schedule_id"), ("bulk_result_get", "{}", "bulk_id"),
        ("bulk_result_get", #"{"bulk_id":"a","bulk_name":"b"}"#, "bulk_id"),
        ("usage_place_disconnect", #"{"invoices":[{"jobid":-1,"invoicenumber":"1"}]}"#, "invoices[0].jobid"),
        ("usage_place_disconnect", #"{"invoices":[{"jobid":"","invoicenumber":"1"}]}"#, "invoices[0].jobid"),
        ("usage_place_disconnect", #"{"invoices":[{"jobid":1,"invoicenumber":""}]}"#, "invoices[0].invoicenumber"),
        (
            "usage_place_disconnect", #"{"invoices":[{"jobid":1,"invoicenumber":"1","x":1}]}"#,
            "invoices[0].unknown_member"
        ),
        ("template_upsert", #"{"template_id":"t","name":"T","revision":1,"actions":[]}"#, "actions"),
        ("template_upsert", #"{"template_id":"a:b","name":"T","revision":1,"actions":[]}"#, "template_id"),
        ("credit_fetch", #"{"unit_id":"u"}"#, "unknown_member"),
        ("low_credit_cached_get_all", #"{"page":0}"#, "page"),
        ("payment_pending_find", #"{"since":"yesterday"}"#, "since"),
        ("payment_pending_find", #"{"since":-1}"#, "since"),
    ])
    func arguments_whenWrong_areNamed(name: String, args: String, detail: String) throws {
        #expect(try Self.fault(name, args) == detail)
    }

    @Test(
        arguments: [
            (ArgumentType.money(0...5), JSONValue.integer(5), true), (.money(0...5), -1, false),
            (.identifier, "a:b", true), (.identifier, "a b", false), (.time, "2026-02-30T00:00:00Z", false),
            (.time, "2026-02-28T00:00:00Z", true), (.time, 7_258_118_400, false), (.date, "2026-12-25", true),
            (.date, "--02-29", true), (.date, "2026-02-29", false), (.date, "2026-12-25T00:00:00Z", false),
            (.timeOfDay(mayEndDay: false), "23:59", true), (.timeOfDay(mayEndDay: false), "24:00", false),
            (.timeOfDay(mayEndDay: true), "24:00", true), (.timeOfDay(mayEndDay: true), "24:01", false),
            (.list(.flag, 1...2), [true], true), (.list(.flag, 1...2), [], false), (.list(.flag, 1...2), [1], false),
            (.object([ArgumentSpec("a", .flag, "")]), ["a": true], true),
            (.object([ArgumentSpec("a", .flag, "")]), ["b": true], false), (.anyObject, [:], true),
            (.anyObject, [], false),
            (.hex(16...16), "0123456789abcDEF", true), (.hex(16...16), "0123456789abcDE", false),
            (.text(0...3), "a\nb", false),
        ] as [(ArgumentType, JSONValue, Bool)])
    func types_takeTheirRangeOnly(type: ArgumentType, value: JSONValue, isAccepted: Bool) {
        #expect(type.accepts(value) == isAccepted)
        #expect(!type.description.isEmpty && !type.schema.isEmpty)
    }

    // MARK: Schema

    @Test func schema_hasEveryCommandAndTopic() throws {
        let document = AsyncApi.document(version: "1.2.3")
        #expect(document["asyncapi"] == "3.0.0" && document["info"]?["version"] == "1.2.3")
        let schemas = try #require(document["components"]?["schemas"]?.object)
        for spec in Catalogue.commands {
            let claims = try #require(schemas["claims.\(spec.name)"])
            #expect(claims["properties"]?["cmd"] == ["const": .string(spec.name)])
            #expect((claims["properties"]?["bulk"] != nil) == spec.bulk)
            let args = try #require(schemas["args.\(spec.name)"])
            #expect(args["properties"]?.object?.names == spec.arguments.map(\.name))
            #expect(args["additionalProperties"] == false)
        }
        let channels = try #require(document["channels"]?.object)
        #expect(
            channels.members.map { $0.value["address"] } == [
                "meterside/{box}/state", "meterside/{box}/meter/{serial}/live", "meterside/{box}/journal",
                "meterside/{box}/alarm", "meterside/{box}/receipt", "meterside/{box}/command",
                "meterside/{box}/result/{jti}",
            ])
        // It is deep, but not deeper than what the strict reader takes.
        #expect(try JSONReader.read(JSONWriter.compact(document)) == document)
    }

    @Test func schema_refersToNothingThatIsNotThere() throws {
        let document = AsyncApi.document(version: "1")
        func check(_ value: JSONValue) throws {
            switch value {
            case .array(let items): for item in items { try check(item) }
            case .object(let object):
                for (name, value) in object.members {
                    if name == "$ref", let path = value.string {
                        var place: JSONValue? = document
                        for part in path.split(separator: "/").dropFirst() { place = place?[String(part)] }
                        #expect(place != nil, "\(path)")
                    }
                    try check(value)
                }
            default: break
            }
        }
        try check(document)
    }
}

/// The schema promises no less than the commands take: whatever a command's own reader accepts, its specs accept.
struct CommandSchemaTests {
    static let spoilers: [JSONValue] = [
        .null, true, 0, -1, 1, 29, 1441, 1_000_000_000_001, "", "x", "24:00", "00:00", "7:00", "--12-25",
        "2026-12-25", "2026-01-01T00:00:00Z", "mon", "daily", "prepayment", [], [1], .object(JSONObject()),
    ]

    /// The value with one part of it replaced, left out or doubled, in every way.
    static func variants(_ value: JSONValue) -> [JSONValue] {
        var variants = spoilers
        switch value {
        case .object(let object):
            for (name, inner) in object.members {
                var less = object
                less[name] = nil
                variants.append(.object(less))
                for variant in Self.variants(inner) {
                    var other = object
                    other[name] = variant
                    variants.append(.object(other))
                }
            }
            var more = object
            more["surprise"] = 1
            variants.append(.object(more))
        case .array(let items):
            for (index, item) in items.enumerated() {
                for variant in Self.variants(item) {
                    var other = items
                    other[index] = variant
                    variants.append(.array(other))
                }
            }
            variants.append(.array(items + items))
        default: break
        }
        return variants
    }

    @Test(arguments: CommandTests.rows)
    func specs_takeWhatTheCommandTakes(row: [String]) throws {
        let name = row[0].filter { $0 != " " }
        let spec = try CommandTests.spec(name)
        var taken = 0
        for variant in Self.variants(try JSONReader.read(Array(row[1].utf8))) {
            guard case .object(let args) = variant, (try? spec.check(args)) != nil else { continue }
            // A tariff's blocks and season may also be null, as they are in files.
            if name == "tariff_set", args["blocks"] == .null || Self.hasNullSeason(args) { continue }
            taken += 1
            do throws(ArgumentFault) {
                try ArgumentSpec.check(args, spec.arguments)
            } catch {
                Issue.record("\(name): its specs refuse \(error.argument): \(error.message)")
            }
        }
        #expect(taken > 0)
    }

    private static func hasNullSeason(_ tariff: JSONObject) -> Bool {
        tariff["times"]?.array?.contains { $0["season"] == .null } ?? false
    }
}
