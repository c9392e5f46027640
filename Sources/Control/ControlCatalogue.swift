extension ControlMethod {
    /// Every method of the daemon; the command line asks for nothing else.
    public static let all: [ControlMethod] = [
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
}
