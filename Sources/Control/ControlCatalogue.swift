extension ControlMethod {
    /// Every method of the daemon; the command line asks for nothing else.
    public static let all: [ControlMethod] = box + units + upstreams

    private static let box: [ControlMethod] = [
        ControlMethod("status", .viewer),
        ControlMethod("doctor", .viewer),
        ControlMethod("version", .viewer),
        ControlMethod(
            "events", .viewer,
            [
                .optional("limit", .integer(1...1000)), .optional("since", .time), .optional("kind", .identifier),
                .optional("follow", .flag),
            ]),
        ControlMethod("meter.list", .viewer),
        ControlMethod("meter.read", .viewer, [.required("serial", .identifier)]),
        ControlMethod("meter.watch", .viewer, [.required("serial", .identifier)]),
        ControlMethod(
            "meter.survey", .viewer,
            [.required("serial", .identifier), .required("from", .time), .required("to", .time)]),
        ControlMethod(
            "meter.scan", .installer,
            [
                .required("port", .text), .optional("protocol", .identifier), .optional("bauds", .integers),
                .optional("formats", .texts), .optional("units", .integers), .optional("serials", .texts),
                // The command line reads the file with the user's own rights and sends `password`.
                .optional("user", .text), .optional("password", .text), .optional("password_file", .text, .owner),
            ]),
        ControlMethod(
            "interval.list", .viewer,
            [
                .required("meter", .identifier), .required("from", .time), .required("to", .time),
                .optional("channel", .identifier),
            ]),
        ControlMethod("interval.gaps", .viewer, [.optional("meter", .identifier)]),
        // The daemon reads with its own rights: a file of the caller's choice is for the owner alone.
        ControlMethod("config.check", .viewer, [.optional("file", .text, .owner)]),
        ControlMethod("config.show", .viewer),
        ControlMethod("config.reload", .owner),
        ControlMethod("ledger.verify", .viewer),
        ControlMethod(
            "ledger.export", .viewer,
            [
                .optional("from", .integer(1...Int64.max)), .optional("to", .integer(1...Int64.max)),
                .optional("limit", .integer(1...5000)),
            ]),
        ControlMethod("outbox.show", .viewer),
        ControlMethod("han.status", .viewer),
        ControlMethod("key.list", .viewer),
        ControlMethod(
            "key.import", .owner,
            [
                .required("kid", .identifier), .required("role", .identifier), .required("key", .text),
                .optional("not_before", .time), .optional("not_after", .time), .optional("units", .texts),
            ]),
        ControlMethod("command.list", .viewer),
        ControlMethod("command.show", .viewer, [.required("name", .identifier)]),
        ControlMethod(
            "command.send", .installer,
            [
                .optional("unit", .identifier), .required("name", .identifier), .required("args", .object),
                .optional("execute_at", .time), .optional("id", .identifier),
            ]),
        ControlMethod(
            "capture.start", .installer, [.required("port", .identifier), .optional("seconds", .integer(1...86_400))]),
    ]

    /// Steps at upstream systems; what they change is journalled and never sent twice by itself.
    private static let upstreams: [ControlMethod] = [
        ControlMethod(
            "reposit.register", .installer,
            [
                .optional("meter", .identifier), .optional("grid_meter", .identifier),
                .optional("sga_meter", .identifier),
            ]
                + step),
        ControlMethod("reposit.validate", .installer, [.optional("wait", .flag)]),
        ControlMethod(
            "reposit.site", .installer,
            [
                .optional("meter", .identifier), .optional("nmi", .identifier), .optional("unchecked_nmi", .flag),
                .optional("street_number", .text), .optional("street_name", .text), .optional("suburb", .text),
                .optional("postcode", .text), .optional("state", .identifier),
            ] + step),
        ControlMethod("reposit.connected", .installer, [.optional("meter", .identifier)] + step),
        ControlMethod("reposit.status", .viewer),
        ControlMethod("redex.devices", .installer, [.optional("refresh", .flag)]),
        ControlMethod("redex.brands", .installer, [.optional("code", .identifier), .optional("refresh", .flag)]),
        ControlMethod(
            "redex.generation", .installer,
            [
                .optional("submit", .flag), .optional("year", .integer(2000...2999)), .optional("inverter", .text),
                .optional("again", .flag),
            ]),
    ]

    /// Send it although it was done; or send nothing and take it as done.
    private static let step: [ControlParameter] = [.optional("again", .flag), .optional("confirm", .flag)]

    /// Payment units, what is asked of them, and commissioning.
    private static let units: [ControlMethod] = [
        ControlMethod("unit.list", .viewer),
        ControlMethod("unit.show", .viewer, [.required("unit", .identifier)]),
        ControlMethod("unit.page", .viewer, [.required("unit", .identifier)]),
        ControlMethod(
            "unit.press", .installer, [.required("unit", .identifier), .required("button", .identifier)]),
        ControlMethod("credit.show", .viewer, [.required("unit", .identifier)]),
        ControlMethod(
            "credit.report", .viewer,
            [.required("unit", .identifier), .optional("from", .time), .optional("to", .time)]),
        // A page of the unit's records after one of them; the client adds them up.
        ControlMethod(
            "credit.explain", .viewer,
            [.required("unit", .identifier), .optional("after", .integer(0...Int64.max))]),
        ControlMethod(
            "credit.topup", .owner,
            [
                .required("unit", .identifier), .required("amount_micro", .integer(1...1_000_000_000_000_000)),
                .required("id", .identifier), .optional("reference", .text),
            ]),
        ControlMethod("supply.show", .viewer, [.required("unit", .identifier)]),
        ControlMethod("supply.test", .installer, [.required("unit", .identifier)]),
        ControlMethod(
            "request.list", .viewer,
            [
                .optional("unit", .identifier), .optional("state", .identifier), .optional("command", .identifier),
                .optional("since", .time), .optional("limit", .integer(1...500)),
            ]),
        ControlMethod("request.show", .viewer, [.required("id", .identifier)]),
        ControlMethod("request.cancel", .installer, [.required("id", .identifier)]),
        ControlMethod(
            "schedule.list", .viewer,
            [.optional("unit", .identifier), .optional("from", .time), .optional("to", .time)]),
        ControlMethod("schedule.cancel", .installer, [.required("id", .identifier)]),
        ControlMethod("template.list", .viewer),
        ControlMethod("template.put", .owner, [.required("template", .object)]),
        ControlMethod(
            "template.apply", .owner,
            [
                .required("template", .identifier), .required("units", .texts),
                .optional("revision", .integer(1...Int64.max)), .optional("id", .identifier),
                .optional("continue_on_error", .flag),
            ]),
        ControlMethod(
            "outbox.retry", .owner, [.optional("system", .identifier), .optional("seq", .integer(1...Int64.max))]),
        ControlMethod(
            "commission.note", .owner,
            [.required("step", .identifier), .required("state", .identifier), .optional("data", .object)]),
        ControlMethod("commission.show", .viewer),
    ]
}
