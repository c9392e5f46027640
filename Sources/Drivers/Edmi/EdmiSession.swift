import Metering

/// What to do next for a task.
public enum EdmiStep: Hashable, Sendable {
    /// Put this on the wire and give the outcome to `receive`.
    case send(EdmiExchange)
    /// The task is complete; it holds the result.
    case done
    /// The exchange or the task failed. Asked again, the session goes on where it stopped, if the task can go on.
    case failed(EdmiFailure)
    /// Nothing may be sent for this task before `until`.
    case wait(until: Uptime, EdmiFailure)
}

/// The log-in state with one meter: attention, log-in, serial check, commands, exit (reference/edmi.md §3). A pure
/// value; it never has more than one exchange on the wire.
///
///     var session = EdmiSession(link)
///     var task = EdmiRegisterTask(model.registers)
///     switch session.next(&task, at: now) {
///     case .send(let exchange): submit(exchange)                 // … the port answers later:
///         // session.receive(reply.outcome, for: &task, at: reply.at.uptime); then `next` again
///     case .done: use(task.readings)
///     case .failed(let failure): use(task.readings(orElse: failure.noData))
///     case .wait(let until, _): askAgain(at: until)
///     }
///
/// Several tasks may be under way (a survey, a live poll): between two exchanges call `next` with whichever matters
/// most; `receive` must get the task that `next` was called with. After `.failed`, calling `next` with the same task
/// goes on with the same command, so a survey survives a broken line.
public struct EdmiSession: Hashable, Sendable {
    /// How far the log-in got.
    public enum Phase: Hashable, Sendable, Comparable {
        /// Nothing known; attention (plain line) or log-in is next.
        case offline
        /// Attention was acknowledged.
        case awake
        /// Logged in, or believed so; the serial number is to be checked next.
        case loggedIn
        /// The right meter is logged in.
        case ready
    }

    private enum Purpose: Hashable {
        case attention, login, identity, command
    }

    private struct Sent: Hashable {
        var purpose: Purpose
        var command: EdmiCommand
        var expectation: EdmiExpectation
    }

    /// How long a meter that refused its log-in twice is left alone, microseconds.
    public static let refusalBackOff: Int64 = 900_000_000
    private static let notReadyDelay: Int64 = 1_000_000
    private static let repeats = 3

    public let link: EdmiLink
    public private(set) var phase = Phase.offline
    /// What the meter told once: types, units, absent registers.
    public private(set) var facts: EdmiFacts
    private var sent: Sent?
    private var sequence: UInt16 = 0
    /// Exchanges in a row without an answer.
    private var silences = 0
    /// Refused log-ins in a row.
    private var refusals = 0
    private var refusedUntil: Uptime?

    public init(_ link: EdmiLink) {
        self.link = link
        facts = EdmiFacts(link: link)
    }

    // MARK: Asking

    /// The next thing to do for `task`.
    public mutating func next<Task: EdmiTask>(_ task: inout Task, at now: Uptime) -> EdmiStep {
        if sent != nil {
            // The last exchange was never answered for; on a plain line its reply may still come.
            doubt()
            sent = nil
        }
        if let failure = task.progress.failure {
            task.progress.failure = nil
            return .failed(failure)
        }
        guard let command = task.command(&facts) else { return task.failure.map { .failed($0) } ?? .done }
        if let until = refusedUntil {
            guard now >= until else { return .wait(until: until, .loginRefused) }
            refusedUntil = nil
            refusals = 0
        }
        if let until = task.progress.notBefore {
            guard now >= until else { return .wait(until: until, .refused(.notReady)) }
            task.progress.notBefore = nil
        }
        switch phase {
        case .offline where link.address == nil: return attention()
        case .offline, .awake:
            return send(.login, .login(user: link.user, password: link.password), sequence: nextSequence())
        case .loggedIn:
            return send(.identity, facts.read(0xF002, other: facts.usesOtherRead), sequence: nextSequence())
        case .ready:
            let number = task.progress.sequence ?? nextSequence()
            task.progress.sequence = number
            return send(.command, command, sequence: number)
        }
    }

    /// The end of the session: forgets the log-in and gives the `X` exchange where the link wants one. Its reply needs
    /// no one.
    public mutating func logOff() -> EdmiExchange? {
        guard link.sendsExit, phase >= .loggedIn else { return nil }
        phase = .offline
        sent = nil
        return exchange(.exit, sequence: nextSequence())
    }

    private mutating func attention() -> EdmiStep {
        sent = Sent(purpose: .attention, command: .attention, expectation: .plain)
        return .send(EdmiPresence.attention(link))
    }

    private mutating func send(_ purpose: Purpose, _ command: EdmiCommand, sequence: UInt16) -> EdmiStep {
        let exchange = exchange(command, sequence: sequence)
        sent = Sent(purpose: purpose, command: command, expectation: exchange.expectation)
        return .send(exchange)
    }

    private func exchange(_ command: EdmiCommand, sequence: UInt16) -> EdmiExchange {
        link.exchange(command, sequence: sequence)
    }

    private mutating func nextSequence() -> UInt16 {
        sequence = sequence >= 0x7FFF ? 1 : sequence + 1
        return sequence
    }

    // MARK: Answers

    /// Takes what came of the exchange that `next` gave for `task`.
    public mutating func receive<Task: EdmiTask>(_ outcome: BusOutcome, for task: inout Task, at now: Uptime) {
        guard let sent else { return }
        self.sent = nil
        switch outcome {
        case .edmi(let body):
            silences = 0
            guard case .mine(let inner) = sent.expectation.accepts(body), let reply = EdmiReply(inner: inner) else {
                return unfit(&task.progress)
            }
            take(reply, to: sent, for: &task, at: now)
        case .failed(let failure): fail(failure, sent, &task.progress)
        case .modbus, .contact, .inputs: unfit(&task.progress)
        }
    }

    private mutating func take<Task: EdmiTask>(
        _ reply: EdmiReply, to sent: Sent, for task: inout Task, at now: Uptime
    ) {
        if reply == .refusal(.notReady) { return later(&task, sent.purpose, at: now) }
        switch (sent.purpose, reply) {
        case (.attention, .acknowledge), (.attention, .refusal): phase = .awake
        case (.login, .acknowledge):
            phase = .loggedIn
            facts.forgetAbsences()
        case (.login, .refusal): refuseLogin(at: now)
        case (_, .refusal(.notLoggedIn)): loseLogin(&task.progress)
        case (_, .refusal(.bare)):
            refuseLogin(at: now)
            loseLogin(&task.progress)
        case (.identity, .refusal(let refusal)): identityRefused(refusal, &task.progress)
        case (.command, .refusal(let refusal)):
            task.progress.commandDone()
            task.refuse(refusal, &facts)
        case (.identity, .data(let bytes)) where bytes.starts(with: sent.command.echo):
            checkIdentity(bytes.dropFirst(sent.command.echo.count), &task.progress)
        case (.command, .data(let bytes)) where bytes.starts(with: sent.command.echo):
            guard task.receive(bytes.dropFirst(sent.command.echo.count), &facts) else {
                return unfit(&task.progress)
            }
            task.progress.commandDone()
        case (.command, .acknowledge) where task.acknowledge(&facts): task.progress.commandDone()
        case (_, .acknowledge), (_, .data): unfit(&task.progress)
        }
    }

    private mutating func refuseLogin(at now: Uptime) {
        phase = .offline
        refusals += 1
        if refusals >= 2 { refusedUntil = now + Self.refusalBackOff }
    }

    /// The meter forgot us (inactivity): once per command this is no failure.
    private mutating func loseLogin(_ progress: inout EdmiTaskProgress) {
        phase = .offline
        progress.sequence = nil
        progress.logins += 1
        if progress.logins > 1 {
            progress.logins = 0
            progress.failure = .notLoggedIn
        }
    }

    private mutating func identityRefused(_ refusal: EdmiRefusal, _ progress: inout EdmiTaskProgress) {
        if refusal.suggestsOtherCommand, !facts.usesOtherRead {
            facts.usesOtherRead = true
        } else if link.serial == nil {
            phase = .ready
        } else {
            progress.failure = .refused(refusal)
        }
    }

    private mutating func checkIdentity(_ data: ArraySlice<UInt8>, _ progress: inout EdmiTaskProgress) {
        guard case .text(let text)? = EdmiValue(.string, data) else { return unfit(&progress) }
        let found = EdmiText.trimmed(text)
        if let serial = link.serial, serial.text != found {
            progress.failure = .wrongMeter(found: found)
        } else {
            phase = .ready
            refusals = 0
        }
    }

    /// "Not ready": the command is sent again after 1, 2, 4 and 8 seconds, then counts as refused.
    private mutating func later<Task: EdmiTask>(_ task: inout Task, _ purpose: Purpose, at now: Uptime) {
        task.progress.sequence = nil
        if task.progress.notReady < 4 {
            task.progress.notBefore = now + Self.notReadyDelay << task.progress.notReady
            task.progress.notReady += 1
        } else if purpose == .command {
            task.progress.commandDone()
            task.refuse(.notReady, &facts)
        } else {
            task.progress.notReady = 0
            task.progress.failure = .refused(.notReady)
        }
    }

    /// A reply that belongs to something else, or to nothing: the command is sent again, on a plain line after a serial
    /// check, whose reply cannot be mistaken and comes after all late ones.
    private mutating func unfit(_ progress: inout EdmiTaskProgress) {
        doubt()
        progress.sequence = nil
        progress.unfit += 1
        if progress.unfit >= Self.repeats {
            progress.unfit = 0
            progress.failure = .damaged
        }
    }

    private mutating func fail(_ failure: BusFailure, _ sent: Sent, _ progress: inout EdmiTaskProgress) {
        let reason: EdmiFailure
        switch failure {
        case .timeout: reason = .noReply
        case .badChecksum, .badFrame, .exception: reason = .damaged
        case .portDown(let text):
            progress.failure = .portDown(text)
            return doubt()
        }
        silences += 1
        if silences >= Self.repeats {
            silences = 0
            phase = .offline
        }
        if sent.purpose == .login { phase = .offline }
        doubt()
        progress.tries += 1
        // Such a command went out once only, so the port's own repeats are made up for here.
        if link.address == nil, sent.command.isAmbiguous, !sent.command.isOnce, progress.tries < link.tries { return }
        progress.tries = 0
        progress.failure = reason
    }

    /// On a plain line a late reply may still be on its way: the serial check comes first.
    private mutating func doubt() {
        if link.address == nil { phase = min(phase, .loggedIn) }
    }
}

extension EdmiLink {
    /// `command` as it goes to the meter.
    func exchange(_ command: EdmiCommand, sequence: UInt16) -> EdmiExchange {
        let perByte = line?.nanosecondsPerCharacter ?? 0
        // Every byte may be escaped, at worst; half as many again is far on the safe side.
        let reply = Int64(command.replyLength + 32) * 3 / 2 * perByte / 1000
        guard let address else {
            return EdmiExchange(
                wire: EdmiFrame.encode(command.bytes), expectation: .plain, timeout: timeout + reply,
                interCharacter: interCharacter, turnaround: turnaround, tries: command.isAmbiguous ? 1 : tries)
        }
        let envelope = EdmiEnvelope(
            destination: address, source: master, sequence: sequence, inner: command.bytes)
        return EdmiExchange(
            wire: EdmiFrame.encode(envelope.body),
            expectation: .addressed(meter: address, master: master, sequence: sequence), timeout: timeout + reply,
            interCharacter: interCharacter, turnaround: turnaround, tries: command.isOnce ? 1 : tries)
    }
}
