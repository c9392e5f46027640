import CLinux
import Glibc

/// Who is at the other end of a Unix socket, as the kernel says.
struct PeerIdentity: Equatable {
    var user: uid_t
    /// The primary group and the supplementary ones at the time of connecting.
    var groups: [gid_t]

    init(user: uid_t, groups: [gid_t]) {
        self.user = user
        self.groups = groups
    }

    /// Nil when the kernel does not tell, which no Linux since 4.13 does.
    init?(_ descriptor: Int32) {
        var process: pid_t = 0
        var user: uid_t = 0
        var group: gid_t = 0
        guard clinux_peer_credentials(descriptor, &process, &user, &group) == 0 else { return nil }
        // A user may be in up to 65,536 groups (NGROUPS_MAX).
        var others = [gid_t](repeating: 0, count: 65_536)
        let count = clinux_peer_groups(descriptor, &others, Int32(others.count))
        guard count >= 0 else { return nil }
        self.init(user: user, groups: [group] + others.prefix(Int(count)))
    }
}
