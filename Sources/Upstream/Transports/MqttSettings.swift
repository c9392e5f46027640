/// `[mqtt]`, checked.
public struct MqttSettings: Hashable, Sendable {
    public var endpoint: MqttEndpoint
    /// The box: all topics are below `meterside/<box>/`.
    public var box: String
    public var clientID: String
    /// 5…65535
    public var keepaliveSeconds: Int
    /// PEM file of the authorities that may sign the broker's certificate; nil for those of the system.
    public var ca: String?
    /// PEM files of our own certificate and key: both or none.
    public var certificate: String?
    public var key: String?

    public init(
        endpoint: MqttEndpoint, box: String, clientID: String, keepaliveSeconds: Int = 60, ca: String? = nil,
        certificate: String? = nil, key: String? = nil
    ) {
        self.endpoint = endpoint
        self.box = box
        self.clientID = clientID
        self.keepaliveSeconds = keepaliveSeconds
        self.ca = ca
        self.certificate = certificate
        self.key = key
    }

    /// `meterside/<box>/` and a topic below it.
    func topic(_ below: String) -> String { "meterside/\(box)/\(below)" }
}

/// What the transport tells its owner. It is told on the transport's own thread: only enqueue it.
public enum MqttEvent: Hashable, Sendable {
    /// The broker accepted us and both subscriptions.
    case connected
    /// Connection lost, or an attempt failed for another reason than the one before; the text is for people.
    case disconnected(String)
    /// The broker ended our session as it does for another client of our name, told each time: again and again in a
    /// while means two boxes with one identity.
    case takenOver
    /// A message on `command` or `receipt`, as it came, at most `MqttTransport.longestPayload` bytes of it.
    case command([UInt8], retained: Bool)
    case receipt([UInt8], retained: Bool)
    /// A `publish` was refused because too much was outstanding; now there is room.
    case room
}

/// What the transport did since it was made.
public struct MqttStatistics: Hashable, Sendable {
    /// Messages taken by `publish`.
    public var published = 0
    /// Messages the broker acknowledged. That says nothing about the cloud.
    public var acknowledged = 0
    /// Messages the broker or the library refused (topic not authorised, packet too large).
    public var refused = 0
    /// Messages on their way.
    public var outstanding = 0
    /// Connections accepted.
    public var connections = 0
    /// Why the broker refused the last refused message; empty when it never did.
    public var lastRefusal = ""
}
