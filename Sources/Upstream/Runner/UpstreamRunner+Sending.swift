import Metering

/// From a job to a request that leaves.
extension UpstreamRunner {
    /// When something is due although nothing happens; nil for never.
    public var nextWake: Uptime? {
        var earliest: Uptime?
        for job in jobs where job.state == .waiting {
            guard let lane = lane(of: job.job.system) else { continue }
            var time: Uptime?
            if lanes[lane].busy == nil, !waitsForTwin(job) {
                time = max(job.notBefore, lanes[lane].opensAt(attended: job.isAttended))
            }
            if case .attended(let until, _) = job.job.mode { time = min(time ?? until, until) }
            guard let time else { continue }
            if earliest.map({ time < $0 }) ?? true { earliest = time }
        }
        return earliest
    }

    /// Time has passed.
    public mutating func wake(at now: Uptime) { advance(at: now) }

    mutating func advance(at now: Uptime) {
        giveUp(at: now)
        for lane in lanes.indices where lanes[lane].busy == nil {
            let name = lanes[lane].system.name
            // Those who wait come first.
            let ready = jobs.indices.filter { index in
                let job = jobs[index]
                return job.job.system == name && job.state == .waiting && job.notBefore <= now && !waitsForTwin(job)
                    && lanes[lane].opensAt(attended: job.isAttended) <= now
            }
            guard let index = ready.first(where: { jobs[$0].isAttended }) ?? ready.first else { continue }
            begin(index, lane, at: now)
        }
    }

    /// Jobs somebody waits for that cannot be sent in time.
    private mutating func giveUp(at now: Uptime) {
        for job in jobs where job.state == .waiting {
            guard case .attended(let until, _) = job.job.mode, let lane = lane(of: job.job.system) else { continue }
            let opens = lanes[lane].closedUntil
            guard until <= now || opens >= until else { continue }
            let words =
                opens > now
                ? "\(job.job.system) asked us to wait \((opens - now) / 1_000_000 + 1) s"
                : "\(job.job.system) gave no good answer in time"
            settle(
                job.number,
                .failed(UpstreamFault("upstream_failed", words, hint: "try again later; nothing is lost")))
        }
    }

    private mutating func begin(_ index: Int, _ lane: Int, at now: Uptime) {
        let system = lanes[lane].system
        let refresh = lanes[lane].token?.refresh
        if lanes[lane].validToken(at: now) == nil,
            let (endpoint, request) = system.tokenRequest(refresh: refresh)
        {
            let number = nextNumber()
            jobs[index].state = .flying(number)
            lanes[lane].busy = number
            lanes[lane].isGettingToken = true
            lanes[lane].didSend(at: now)
            emit(.send(number, endpoint, request))
            return
        }
        guard jobs[index].operation.changes else { return send(index, lane, at: now) }
        do throws(UpstreamFault) {
            // What cannot be sent is not journalled as sent.
            _ = try system.request(for: jobs[index].work, token: lanes[lane].validToken(at: now))
        } catch {
            return fail(index, error)
        }
        let job = jobs[index]
        let token = record(
            .upstreamSent,
            [
                "system": .string(system.name), "operation": .string(job.operation.name), "id": .string(job.job.id),
                "attempt": .integer(Int64(job.attempts + 1)), "work": .object(system.summary(of: job.job.work)),
            ])
        jobs[index].state = .recording(token)
        lanes[lane].busy = token
    }

    mutating func send(_ index: Int, _ lane: Int, at now: Uptime) {
        do throws(UpstreamFault) {
            let request = try lanes[lane].system.request(
                for: jobs[index].work, token: lanes[lane].validToken(at: now))
            let number = nextNumber()
            jobs[index].attempts += 1
            jobs[index].state = .flying(number)
            lanes[lane].busy = number
            lanes[lane].isGettingToken = false
            lanes[lane].didSend(at: now)
            emit(.send(number, lanes[lane].system.endpoint, request))
        } catch {
            lanes[lane].busy = nil
            fail(index, error)
        }
    }

    /// It cannot even be asked for.
    private mutating func fail(_ index: Int, _ fault: UpstreamFault) {
        let job = jobs[index]
        if job.isAttended {
            settle(job.number, .failed(fault))
        } else {
            park(index, code: fault.code, fault.message)
        }
    }

    mutating func park(_ index: Int, code: String, _ detail: String) {
        let job = jobs[index]
        notePark(job.job, attempts: job.attempts, code: code, detail)
        settle(job.number, .parked(code: code, detail))
    }

    /// The records of work that waits for a person from now on.
    mutating func notePark(_ job: UpstreamJob, attempts: Int, code: String, _ detail: String) {
        let summary = lane(of: job.system).map { lanes[$0].system.summary(of: job.work) } ?? [:]
        record(
            .upstreamParked,
            [
                "system": .string(job.system), "operation": .string(job.work.operation), "id": .string(job.id),
                "code": .string(code), "detail": .string(detail), "attempts": .integer(Int64(attempts)),
                "work": .object(summary),
            ])
        record(
            .alarm,
            [
                "alarm": .string(AlarmWord.upstreamRefused.rawValue), "system": .string(job.system),
                "id": .string(job.id), "code": .string(code), "detail": .string(detail),
            ])
    }
}
