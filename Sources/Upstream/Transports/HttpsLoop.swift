import CCurl
import CLinux

/// The transport's thread: hands requests to curl and tells what became of them.
final class HttpsLoop {
    private let multi: UnsafeMutableRawPointer
    private let shared: HttpsShared
    private let deliver: @Sendable (UInt64, HttpsResult) -> Void
    private var transfers: [HttpsTransfer] = []

    init(
        multi: UnsafeMutableRawPointer, shared: HttpsShared, deliver: @escaping @Sendable (UInt64, HttpsResult) -> Void
    ) {
        self.multi = multi
        self.shared = shared
        self.deliver = deliver
    }

    func run() {
        clinux_thread_name("https")
        clinux_timer_slack(2_000_000)
        while true {
            let news = shared.state.withLock { $0.news() }
            for order in news.orders { begin(order) }
            for id in news.cancelled { if let index = index(of: id) { end(index, transfers[index].cancelled) } }
            if news.isStopping { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            settle()
            // curl shortens the wait to its own next time-out; `send`, `cancel` and `stop` wake it.
            curl_multi_poll(multi, nil, 0, transfers.isEmpty ? Self.idle : Self.busy, nil)
        }
        while !transfers.isEmpty { end(0, transfers[0].cancelled) }
        shared.state.withLock { $0.end() }
        clinux_event_signal(shared.done)
    }

    private func begin(_ order: HttpsOrder) {
        do throws(HttpsFailure) {
            let transfer = try HttpsTransfer(id: order.id, endpoint: order.endpoint, request: order.request)
            guard curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
                throw HttpsFailure(kind: .local, mayHaveArrived: false, words: "curl takes no more requests")
            }
            transfers.append(transfer)
        } catch {
            shared.state.withLock { $0.settled() }
            deliver(order.id, .failure(error))
        }
    }

    private func settle() {
        var code = CURLE_OK
        while let easy = ccurl_next_done(multi, &code) {
            guard let index = transfers.firstIndex(where: { $0.easy == easy }) else { continue }
            end(index, transfers[index].result(code))
        }
    }

    private func end(_ index: Int, _ result: HttpsResult) {
        let transfer = transfers.remove(at: index)
        curl_multi_remove_handle(multi, transfer.easy)
        shared.state.withLock { $0.settled() }
        deliver(transfer.id, result)
    }

    private func index(of id: UInt64) -> Int? { transfers.firstIndex { $0.id == id } }

    /// Milliseconds.
    private static let idle: Int32 = 60_000
    private static let busy: Int32 = 1000
}
