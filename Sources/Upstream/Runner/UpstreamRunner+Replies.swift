import Metering

/// From a reply to what is done next.
extension UpstreamRunner {
    /// What became of a request that was sent under this number.
    public mutating func replied(_ number: UInt64, _ result: HttpsResult, at now: Uptime) {
        guard let lane = lanes.firstIndex(where: { $0.busy == number }) else { return }
        lanes[lane].busy = nil
        guard let index = jobs.firstIndex(where: { $0.state == .flying(number) }) else { return advance(at: now) }
        jobs[index].state = .waiting
        if lanes[lane].isGettingToken {
            lanes[lane].isGettingToken = false
            takeToken(result, index, lane, at: now)
        } else {
            takeAnswer(result, index, lane, at: now)
        }
        advance(at: now)
    }

    private mutating func takeToken(_ result: HttpsResult, _ index: Int, _ lane: Int, at now: Uptime) {
        let wasRefresh = lanes[lane].token?.refresh != nil
        let reply: HttpsReply
        switch result {
        case .failure(let failure):
            jobs[index].attempts += 1
            let answer = Answer(isToken: true, hint: Answer.hint(failure, jobs[index].job.system))
            return act(on: .later(failure.words), answer, index, lane, at: now)
        case .success(let success): reply = success
        }
        switch lanes[lane].system.token(of: reply) {
        case .success(let token): lanes[lane].take(token, at: now)
        case .failure(let rejection):
            if wasRefresh, case .unauthorised = rejection.outcome {
                // The refresh token is over: from the beginning, at once.
                lanes[lane].dropToken(withRefresh: true)
                return
            }
            lanes[lane].dropToken(withRefresh: true)
            jobs[index].attempts += 1
            // A fresh token would not help.
            jobs[index].isRenewed = true
            act(on: rejection.outcome, Answer(isToken: true, retryAfter: reply.retryAfter), index, lane, at: now)
        }
    }

    /// What is known of an attempt beside its outcome.
    struct Answer {
        /// Whether the request may have reached the server without a full answer.
        var isUnknown = false
        /// Whether any of the work itself may have arrived.
        var arrived = true
        /// It was a token that was asked for; the work was not sent.
        var isToken = false
        var status: Int?
        var retryAfter: Int64?
        /// What a person can do about it.
        var hint = "try again later"

        static func hint(_ failure: HttpsFailure, _ system: String) -> String {
            switch failure.kind {
            case .tls:
                "look at url, ca and certificate in [upstream.\(system)], and at the box's clock: the server is not "
                    + "trusted, and nothing was sent"
            case .unreachable: "look at url in [upstream.\(system)], at the network and its name server"
            case .local: "look at the files that [upstream.\(system)] names"
            case .redirected: "look at url in [upstream.\(system)]: no redirection is followed"
            default: "try again later"
            }
        }
    }

    private mutating func takeAnswer(_ result: HttpsResult, _ index: Int, _ lane: Int, at now: Uptime) {
        switch result {
        case .success(let reply):
            let outcome = lanes[lane].system.outcome(of: reply, to: jobs[index].work)
            var answer = Answer(status: reply.status, retryAfter: reply.retryAfter)
            // 503 says that nothing was begun; other trouble of a server, or of what stands before it, may have come
            // after the work was done.
            if case .later = outcome, reply.status >= 500, reply.status != 503 { answer.isUnknown = true }
            act(on: outcome, answer, index, lane, at: now)
        case .failure(let failure):
            switch failure.kind {
            // A whole answer, only none that we take.
            case .redirected, .tooLarge:
                let answer = Answer(hint: Answer.hint(failure, jobs[index].job.system))
                act(on: .garbled(failure.words), answer, index, lane, at: now)
            default:
                let answer = Answer(
                    isUnknown: failure.mayHaveArrived, arrived: failure.mayHaveArrived,
                    hint: Answer.hint(failure, jobs[index].job.system))
                act(on: .later(failure.words), answer, index, lane, at: now)
            }
        }
    }

    private mutating func act(
        on outcome: UpstreamOutcome, _ answer: Answer, _ index: Int, _ lane: Int, at now: Uptime
    ) {
        noteAnswer(outcome, answer, index)
        if outcome.isWelcome {
            lanes[lane].isRefused = false
            lanes[lane].refusal = nil
        }
        if let seconds = answer.retryAfter {
            lanes[lane].closedUntil = max(lanes[lane].closedUntil, now + seconds * 1_000_000)
        }
        let changes = jobs[index].operation.changes
        switch outcome {
        case .done(let result): finish(index, result)
        case .more(let items, let page):
            jobs[index].items += items
            jobs[index].page = page
            jobs[index].attempts = 0
            jobs[index].notBefore = now
        case .notYet(let words): poll(index, words, at: now)
        case .refused(let code, let words): refuse(index, code, words)
        case .unauthorised(let words):
            guard jobs[index].isRenewed || lanes[lane].system.tokenRequest(refresh: nil) == nil else {
                // Once, after a new token.
                jobs[index].isRenewed = true
                lanes[lane].dropToken(withRefresh: false)
                jobs[index].notBefore = now
                return
            }
            shutOut(index, lane, "upstream_unauthorised", words, at: now)
        case .forbidden(let words): shutOut(index, lane, "upstream_forbidden", words, at: now)
        case .later(let words):
            if answer.isUnknown, changes {
                unknown(index, lane, words, answer, at: now)
            } else {
                again(index, lane, words, answer, at: now)
            }
        case .garbled(let words):
            if changes, !answer.isToken {
                unknown(index, lane, words, answer, at: now)
            } else {
                again(index, lane, words, answer, at: now)
            }
        }
    }

    private mutating func finish(_ index: Int, _ result: JSONObject) {
        var result = result
        if !jobs[index].items.isEmpty {
            result["items"] = .array(jobs[index].items + (result["items"]?.array ?? []))
        }
        settle(jobs[index].number, .done(result))
    }

    private mutating func poll(_ index: Int, _ words: String, at now: Uptime) {
        jobs[index].polls += 1
        let job = jobs[index]
        let pause = RetryPolicy.poll(after: job.polls, attended: job.isAttended)
        if case .attended(let until, let isPatient) = job.job.mode {
            guard isPatient, now + pause < until else { return settle(job.number, .notYet(words)) }
            emit(.progress(job.number, words))
        }
        jobs[index].attempts = 0
        jobs[index].notBefore = now + pause
    }

    private mutating func refuse(_ index: Int, _ code: String, _ words: String) {
        let job = jobs[index]
        let mayBeDone = job.wasUnknown && job.operation.whenUnknown == .againThenAsk
        if !job.isAttended { return park(index, code: mayBeDone ? "unconfirmed" : code, words) }
        let fault =
            mayBeDone
            ? UpstreamFault(
                "upstream_unknown",
                "an earlier try got no answer and this one was refused (\(words)): the earlier one may have worked",
                hint: "look at the other side; then say it again with --confirm if it is there, or mend the values")
            : UpstreamFault(
                "upstream_refused", "\(job.job.system) refuses \(job.operation.name): \(words)",
                hint: "mend the values it names; the same request will be refused again", reason: code)
        settle(job.number, .failed(fault))
    }

    /// The key, the token or the account is not accepted.
    private mutating func shutOut(_ index: Int, _ lane: Int, _ code: String, _ words: String, at now: Uptime) {
        let rest = RetryPolicy.afterRefusedKey + RetryPolicy.afterRefusedKey / 4 * chance.next() / 1000
        lanes[lane].restsUntil = now + rest
        alarm(lane, words)
        let job = jobs[index]
        let fault = UpstreamFault(
            code, "\(job.job.system) does not let us in: \(words)",
            hint: "look at the key and the account; put a new key into its file and reload")
        lanes[lane].refusal = (fault, now)
        guard job.isAttended else {
            jobs[index].notBefore = now + rest
            jobs[index].isRenewed = false
            return
        }
        settle(job.number, .failed(fault))
    }

    /// It was sent and no full answer came.
    private mutating func unknown(
        _ index: Int, _ lane: Int, _ words: String, _ answer: Answer, at now: Uptime
    ) {
        jobs[index].wasUnknown = true
        let job = jobs[index]
        guard job.operation.whenUnknown == .hold else { return again(index, lane, words, answer, at: now) }
        if job.isAttended {
            settle(job.number, .failed(Self.unknownOutcome(job.operation, words)))
        } else {
            park(index, code: "unknown", words)
        }
    }

    private mutating func again(_ index: Int, _ lane: Int, _ words: String, _ answer: Answer, at now: Uptime) {
        let job = jobs[index]
        let pause = RetryPolicy.pause(after: job.attempts, attended: job.isAttended, chance: chance.next())
        guard case .attended(let until, _) = job.job.mode else {
            jobs[index].notBefore = now + pause
            lanes[lane].restsUntil = max(lanes[lane].restsUntil, now + pause)
            return
        }
        let next = max(now + pause, lanes[lane].closedUntil)
        guard job.attempts < RetryPolicy.attendedAttempts, next < until else {
            let hint = job.wasUnknown ? "it may have arrived; say it again, or ask at the other side" : answer.hint
            return settle(
                job.number,
                .failed(UpstreamFault("upstream_failed", "\(job.job.system): \(words)", hint: hint)))
        }
        jobs[index].notBefore = next
        emit(.progress(job.number, "\(words); trying again"))
    }

    // MARK: Records

    /// Journals the answer to a step that changes something, and a reading's answer where it is worth keeping.
    private mutating func noteAnswer(_ outcome: UpstreamOutcome, _ answer: Answer, _ index: Int) {
        let job = jobs[index]
        guard job.operation.changes else { return noteReading(outcome, job) }
        guard !answer.isToken else { return }
        var data: JSONObject = [
            "system": .string(job.job.system), "operation": .string(job.operation.name), "id": .string(job.job.id),
            "attempt": .integer(Int64(job.attempts)),
        ]
        data["status"] = answer.status.map { .integer(Int64($0)) }
        let (word, detail) = Self.words(outcome)
        data["outcome"] = .string(answer.isUnknown ? "unknown" : answer.arrived ? word : "not_sent")
        if !detail.isEmpty { data["detail"] = .string(detail) }
        if case .done(let result) = outcome, !result.isEmpty { data["result"] = .object(result) }
        record(.upstreamAnswered, data)
    }

    /// That the box was once found connected belongs to the story of commissioning; only the change is told.
    private mutating func noteReading(_ outcome: UpstreamOutcome, _ job: RunningJob) {
        guard job.operation.isKept, case .done(let result) = outcome else { return }
        let work = job.job.work.args
        if let last = history.last(job.job.system, job.operation.name), last.answered(result), last.isOf(work) {
            return
        }
        record(
            .upstreamAnswered,
            [
                "system": .string(job.job.system), "operation": .string(job.operation.name),
                "id": .string(job.job.id), "outcome": "done", "work": .object(work), "result": .object(result),
            ])
    }

    /// A system that does not let us in raises an alarm, once until it does again.
    private mutating func alarm(_ lane: Int, _ words: String) {
        guard !lanes[lane].isRefused else { return }
        lanes[lane].isRefused = true
        record(
            .alarm,
            [
                "alarm": .string(AlarmWord.upstreamRefused.rawValue),
                "system": .string(lanes[lane].system.name), "detail": .string(words),
            ])
    }

    private static func words(_ outcome: UpstreamOutcome) -> (word: String, detail: String) {
        switch outcome {
        case .done: ("done", "")
        case .more: ("more", "")
        case .notYet(let words): ("not_yet", words)
        case .refused(let code, let words): ("refused", "\(code): \(words)")
        case .unauthorised(let words): ("unauthorised", words)
        case .forbidden(let words): ("forbidden", words)
        case .later(let words): ("later", words)
        case .garbled(let words): ("garbled", words)
        }
    }
}

extension UpstreamOutcome {
    /// Whether the system let us in.
    fileprivate var isWelcome: Bool {
        switch self {
        case .done, .more, .notYet, .refused: true
        case .unauthorised, .forbidden, .later, .garbled: false
        }
    }
}
