import Metering

/// A survey, event log or recorder of a Genius meter as it lists them itself (reference/edmi.md §6.1).
public struct EdmiExtension: Hashable, Sendable {
    /// `Load_Survey 1`, `Event_Log …`.
    public var name: String
    /// The high half of its registers' addresses.
    public var base: UInt32
}

/// Asks a Genius meter which extensions it has: 0002F001 counts them, 00020000 + i names and 00021000 + i numbers them
/// (known from one implementation). Other meters have no such registers.
public struct EdmiExtensionsTask: EdmiTask, Hashable {
    /// More than ever seen; a count beyond it is no count.
    private static let most: Int64 = 64

    public var progress = EdmiTaskProgress()
    public private(set) var failure: EdmiFailure?
    /// In the meter's order; those whose name or number cannot be read are left out.
    public private(set) var extensions: [EdmiExtension] = []
    private var counter = EdmiRegisterReader([(0x0002_F001, .short)])
    private var names: EdmiRegisterReader?
    private var isDone = false

    public init() {}

    /// The extension whose name begins so, ` 1` the first of several.
    public func base(named prefix: String) -> UInt32? { extensions.first { $0.name.hasPrefix(prefix) }?.base }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        guard facts.dialect == .genius else {
            failure = .refused(.notImplemented)
            return nil
        }
        while failure == nil, !isDone {
            if var names {
                let command = names.command(&facts)
                self.names = names
                if let command { return command }
                take(names)
                isDone = true
            } else {
                if let command = counter.command(&facts) { return command }
                takeCount()
            }
        }
        return nil
    }

    private mutating func takeCount() {
        guard let count = counter.integer(0, in: 0...Self.most) else {
            return failure = counter.failure(0, "the number of extensions")
        }
        var wanted: [(address: UInt32, type: EdmiType?)] = []
        for index in 0..<UInt32(count) {
            wanted.append((0x0002_0000 + index, .string))
            wanted.append((0x0002_1000 + index, .hexShort))
        }
        names = EdmiRegisterReader(wanted)
    }

    private mutating func take(_ names: EdmiRegisterReader) {
        for row in stride(from: 0, to: names.items.count, by: 2) {
            guard case .text(let name)? = names.value(row), let id = names.integer(row + 1, in: 0...0xFFFF) else {
                continue
            }
            extensions.append(EdmiExtension(name: EdmiText.trimmed(name), base: UInt32(id) | 5))
        }
    }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        names?.receive(data, &facts) ?? counter.receive(data, &facts)
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        if names == nil { counter.refuse(refusal, &facts) } else { names?.refuse(refusal, &facts) }
    }
}
