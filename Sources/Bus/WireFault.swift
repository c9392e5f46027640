import Glibc

/// Why a wire cannot be used any further. Everything else that goes wrong on it is a `BusFailure` of one exchange.
enum WireFault: Error, Hashable {
    /// The device or connection is gone or cannot be opened; the text is for people.
    case lost(String)
    /// The port is being closed.
    case stopping
}

/// System calls on descriptors.
enum Descriptor {
    static func close(_ descriptor: Int32) {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// What the system says about an error number.
    static func text(_ error: Int32) -> String { String(cString: strerror(error)) }
}
