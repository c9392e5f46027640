/// What the thread of a HAN adapter tells.
public enum HanEvent: Hashable, Sendable {
    /// The device was opened, or opened again.
    case up
    /// The device cannot be opened or went away; the text says what to do.
    case down(String)
    case fragment(HanFragment)
    /// Part of the stream could not be read, or came too fast; the word says why.
    case damage(String)
}
