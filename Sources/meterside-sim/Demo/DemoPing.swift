import Metering

/// Signs `ping` commands as a cloud does: the box checks the signature and every rule, and answers.
struct DemoPing {
    private var signer: DemoSigner
    private(set) var count = 0

    init(kid: String, secret: [UInt8], box: String) { signer = DemoSigner(kid: kid, secret: secret, box: box) }

    /// The next command and its id; `now` is the box's time.
    mutating func next(now: WallTime) throws(SimulatorFailure) -> (id: String, command: [UInt8]) {
        count += 1
        let id = "demo-ping-\(count)"
        return (id, try signer.sign("ping", id: id, now: now, life: 86_400, isCounted: false))
    }
}
