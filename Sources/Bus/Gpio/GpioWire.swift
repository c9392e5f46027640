/// Lines of one GPIO chip that belong together, as one port.
public struct GpioWire: Hashable, Sendable {
    /// A path (`/dev/gpiochip0`), a name (`gpiochip0`), a number (`0`), or the label `gpiodetect` shows.
    public var chip: String
    public var use: Use

    public init(chip: String, use: Use) {
        self.chip = chip
        self.use = use
    }

    /// What the lines are for.
    public enum Use: Hashable, Sendable {
        case contact(GpioContact)
        /// Buttons; an `InputsJob` names them by their place in this list.
        case inputs([GpioLine])
    }
}

/// One line of a chip.
public struct GpioLine: Hashable, Sendable {
    /// Its number on the chip, or its name.
    public var name: String
    /// The low level is the active one.
    public var isActiveLow: Bool
    /// The chip pulls the line up; inputs only.
    public var pullsUp: Bool

    public init(name: String, isActiveLow: Bool = false, pullsUp: Bool = false) {
        self.name = name
        self.isActiveLow = isActiveLow
        self.pullsUp = pullsUp
    }
}

/// The lines of a load switch.
public struct GpioContact: Hashable, Sendable {
    /// Active closes the contact; with `opener`, a pulse on it does.
    public var output: GpioLine
    /// A latching relay's second coil: a pulse on it opens the contact.
    public var opener: GpioLine?
    /// How long a coil of a latching relay is driven, microseconds.
    public var pulse: Int64
    /// Active while the contact is closed.
    public var feedback: GpioLine?

    public init(output: GpioLine, opener: GpioLine? = nil, pulse: Int64 = 50_000, feedback: GpioLine? = nil) {
        self.output = output
        self.opener = opener
        self.pulse = pulse
        self.feedback = feedback
    }
}
