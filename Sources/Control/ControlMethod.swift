import Metering

/// The least a local person must be to use a method (contract §5, last paragraph).
public enum ControlAuthority: Int, Comparable, Sendable {
    /// Anyone on either socket: reading.
    case viewer
    /// Group `meterside`: also what keeps a wire busy or sends something.
    case installer
    /// uid 0.
    case owner

    public static func < (left: ControlAuthority, right: ControlAuthority) -> Bool { left.rawValue < right.rawValue }

    /// What a role may do; roles of signing keys have no place on the socket.
    init(_ role: Role) {
        switch role {
        case .owner: self = .owner
        case .installer: self = .installer
        default: self = .viewer
        }
    }
}

/// A named parameter of a method.
public struct ControlParameter: Hashable, Sendable {
    /// What values it may have.
    public enum Kind: Hashable, Sendable {
        /// 1…4096 bytes.
        case text
        /// `[A-Za-z0-9_.:-]{1,64}`
        case identifier
        case integer(ClosedRange<Int64>)
        case flag
        /// RFC 3339 text, or whole seconds since 1970.
        case time
        /// At most 256 texts.
        case texts
        /// At most 256 integers.
        case integers
        case object
    }

    public var name: String
    public var kind: Kind
    public var isRequired: Bool
    /// Who may give it; a reading method may have a parameter that only the owner may use.
    public var authority: ControlAuthority

    /// A parameter that must be given.
    public static func required(_ name: String, _ kind: Kind) -> ControlParameter {
        ControlParameter(name: name, kind: kind, isRequired: true, authority: .viewer)
    }

    /// A parameter that may be left out, or be null.
    public static func optional(
        _ name: String, _ kind: Kind, _ authority: ControlAuthority = .viewer
    ) -> ControlParameter {
        ControlParameter(name: name, kind: kind, isRequired: false, authority: authority)
    }

    /// What is allowed, for messages.
    var allowed: String {
        switch kind {
        case .text: "a text of 1 to 4096 bytes"
        case .identifier: "1 to 64 of the characters A-Z a-z 0-9 _ . : -"
        case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
        case .flag: "true or false"
        case .time: "a time such as 2026-03-02T07:30:00Z, or seconds since 1970"
        case .texts: "a list of at most 256 texts"
        case .integers: "a list of at most 256 integers"
        case .object: "an object"
        }
    }

    func accepts(_ value: JSONValue) -> Bool {
        switch kind {
        case .text: value.string.map(Self.isText) ?? false
        case .identifier: value.string.map(Self.isIdentifier) ?? false
        case .integer(let range): value.integer.map(range.contains) ?? false
        case .flag: value.bool != nil
        case .time: ControlParameters.time(value) != nil
        case .texts:
            value.array.map { $0.count <= 256 && $0.allSatisfy { $0.string.map(Self.isText) ?? false } } ?? false
        case .integers: value.array.map { $0.count <= 256 && $0.allSatisfy { $0.integer != nil } } ?? false
        case .object: value.object != nil
        }
    }

    private static func isText(_ text: String) -> Bool { (1...4096).contains(text.utf8.count) }

    private static func isIdentifier(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122: true
                default: "_.:-".utf8.contains(byte)
                }
            }
    }
}

/// A method of the control socket: its name is `noun.verb` of the command line.
public struct ControlMethod: Hashable, Sendable {
    public var name: String
    public var authority: ControlAuthority
    public var parameters: [ControlParameter]

    public init(_ name: String, _ authority: ControlAuthority, _ parameters: [ControlParameter] = []) {
        self.name = name
        self.authority = authority
        self.parameters = parameters
    }

    /// Whether `read.sock` offers it too.
    public var readsOnly: Bool { authority == .viewer }

    /// Checks names, presence and kinds; null counts as left out.
    func check(_ given: JSONObject, from role: Role) throws(ControlProblem) -> ControlParameters {
        let known =
            parameters.isEmpty ? "it takes none" : "it takes " + parameters.map(\.name).joined(separator: ", ")
        for (name, value) in given.members {
            guard let parameter = parameters.first(where: { $0.name == name }) else {
                throw .parameters("\(self.name) has no parameter \"\(name)\"", hint: known)
            }
            guard value == .null || parameter.accepts(value) else {
                throw .parameters(
                    "\(self.name): \"\(name)\" has a wrong value", hint: "it must be \(parameter.allowed)")
            }
            guard value == .null || ControlAuthority(role) >= parameter.authority else {
                throw ControlProblem(
                    code: "permission", message: "\(self.name): \"\(name)\" may only be given by root",
                    hint: "leave it out, or run the command with sudo")
            }
        }
        var members = JSONObject()
        for parameter in parameters {
            let value = given[parameter.name]
            if let value, value != .null {
                members[parameter.name] = value
            } else if parameter.isRequired {
                throw .parameters(
                    "\(self.name) needs \"\(parameter.name)\"", hint: "it must be \(parameter.allowed)")
            }
        }
        return ControlParameters(members)
    }
}

/// The checked parameters of a call: kinds and presence are as its method says.
public struct ControlParameters: Hashable, Sendable {
    public let members: JSONObject

    public init(_ members: JSONObject) { self.members = members }

    public func string(_ name: String) -> String? { members[name]?.string }
    public func integer(_ name: String) -> Int64? { members[name]?.integer }
    public func flag(_ name: String) -> Bool { members[name]?.bool ?? false }
    public func object(_ name: String) -> JSONObject? { members[name]?.object }
    public func strings(_ name: String) -> [String]? { members[name]?.array?.compactMap(\.string) }
    public func integers(_ name: String) -> [Int64]? { members[name]?.array?.compactMap(\.integer) }
    public func time(_ name: String) -> WallTime? { members[name].flatMap(Self.time) }

    /// RFC 3339, or seconds since 1970 within the years 1970…9999.
    static func time(_ value: JSONValue) -> WallTime? {
        switch value {
        case .string(let text): WallTime(text: text)
        case .integer(let seconds) where (0...253_402_300_799).contains(seconds): WallTime(seconds: seconds)
        default: nil
        }
    }
}
