import CLinux
import Glibc

/// Opening TCP connections without ever waiting for longer than `patience` per address.
enum TcpConnection {
    /// Microseconds.
    static let patience: Int64 = 3_000_000

    /// A connected, non-blocking socket. `wait` blocks until the socket is writable or the nanoseconds are over.
    static func open(
        host: String, port: UInt16, wait: (Int32, Int64) throws(WireFault) -> Bool
    ) throws(WireFault) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0, let list else {
            throw .lost(
                "cannot find \(host): \(String(cString: gai_strerror(result))); check the name, or use its address")
        }
        defer { freeaddrinfo(list) }
        var failure = ETIMEDOUT
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let address = next {
            switch try connect(address.pointee, wait) {
            case .success(let socket): return socket
            case .failure(let error): failure = error.number
            }
            next = address.pointee.ai_next
        }
        throw .lost(refusal("\(host):\(port)", failure))
    }

    private struct SystemError: Error {
        var number: Int32
    }

    private static func connect(
        _ address: addrinfo, _ wait: (Int32, Int64) throws(WireFault) -> Bool
    ) throws(WireFault) -> Result<Int32, SystemError> {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(address.ai_family, kind, address.ai_protocol)
        guard socket >= 0 else { return .failure(SystemError(number: errno)) }
        var isWanted = false
        defer { if !isWanted { Glibc.close(socket) } }
        if Glibc.connect(socket, address.ai_addr, address.ai_addrlen) != 0 {
            guard errno == EINPROGRESS else { return .failure(SystemError(number: errno)) }
            guard try wait(socket, patience * 1000) else { return .failure(SystemError(number: ETIMEDOUT)) }
            let error = option(socket, SOL_SOCKET, SO_ERROR)
            guard error == 0 else { return .failure(SystemError(number: error)) }
        }
        set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // A gateway that was switched off sends no farewell: data not acknowledged in 10 s ends the connection.
        set(socket, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 10_000)
        set(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(socket, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30)
        isWanted = true
        return .success(socket)
    }

    private static func option(_ socket: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(socket, level, name, &value, &length) == 0 ? value : errno
    }

    private static func set(_ socket: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func refusal(_ place: String, _ error: Int32) -> String {
        switch error {
        case ECONNREFUSED: "\(place) refuses connections: check the port number and that the service is switched on"
        case ETIMEDOUT: "\(place) does not answer: check the address, the cable and the device's power"
        case EHOSTUNREACH, ENETUNREACH: "no way to \(place): check the box's network and the address"
        default: "cannot connect to \(place): \(Descriptor.text(error))"
        }
    }
}
