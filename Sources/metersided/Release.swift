import Metering

/// When this release line began.
enum Release {
    /// A wall clock before this is wrong, whatever else vouches for it: 2026-01-01T00:00:00Z.
    static let line = WallTime(seconds: 1_767_225_600)
}
