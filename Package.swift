// swift-tools-version: 6.1
import PackageDescription

// Layers: a target imports only from lower layers, never sideways. `Tests/TidyTests` holds the same
// table with the reason for every ban; the build is run with an explicit-target-dependency check.

let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "meterside",
    products: [
        .executable(name: "metersided", targets: ["metersided"]),
        .executable(name: "meterside", targets: ["meterside"]),
        .executable(name: "meterside-sim", targets: ["meterside-sim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        // C libraries: module map and shim only.
        .systemLibrary(name: "CModbus", pkgConfig: "libmodbus", providers: [.apt(["libmodbus-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CGPIO", pkgConfig: "libgpiod", providers: [.apt(["libgpiod-dev"])]),
        .target(name: "CLinux"),

        // 0 vocabulary
        .target(name: "Metering"),
        // 1 knowledge
        .target(name: "Intervals", dependencies: ["Metering"]),
        .target(name: "Drivers", dependencies: ["Metering"]),
        // 2 the account
        .target(name: "Credit", dependencies: ["Metering", "Intervals"]),
        // 3 the agent
        .target(name: "Gateway", dependencies: ["Metering", "Intervals", "Drivers", "Credit"]),
        // beside them, for edges and executables only
        .target(name: "Crypto", dependencies: ["COpenSSL"]),
        .target(name: "Toml", dependencies: ["Metering", toml]),
        // 4 edges
        .target(name: "Bus", dependencies: ["Metering", "Drivers", "CModbus", "CGPIO", "CLinux"]),
        .target(name: "Journal", dependencies: ["Metering", "Crypto", "CSQLite"]),
        .target(name: "Upstream", dependencies: ["Metering", "Crypto", "CMosquitto", "CCurl", "CLinux"]),
        .target(name: "Control", dependencies: ["Metering", "CLinux"]),
        .target(name: "Simulator", dependencies: ["Metering", "Intervals", "Drivers", "Credit", "Gateway"]),
        // 5 executables
        .executableTarget(
            name: "metersided",
            dependencies: [
                "Metering", "Intervals", "Drivers", "Credit", "Gateway", "Crypto", "Toml", "Bus", "Journal", "Upstream",
                "Control", "CLinux", log,
            ]),
        .executableTarget(
            name: "meterside",
            dependencies: ["Metering", "Intervals", "Drivers", "Credit", "Crypto", "Control", arguments]),
        .executableTarget(
            name: "meterside-sim",
            dependencies: [
                "Metering", "Drivers", "Credit", "Simulator", "Crypto", "Toml", "Control", "CLinux", "CMosquitto",
                arguments,
                "metersided", "meterside",
            ]),

        .testTarget(name: "MeteringTests", dependencies: ["Metering"]),
        .testTarget(name: "IntervalsTests", dependencies: ["Intervals", "Metering"]),
        .testTarget(name: "DriversTests", dependencies: ["Drivers", "Metering", "Simulator", "Toml"]),
        .testTarget(
            name: "CreditTests", dependencies: ["Credit", "Intervals", "Metering"], exclude: ["Scenarios"]),
        .testTarget(
            name: "GatewayTests",
            dependencies: ["Gateway", "Simulator", "Drivers", "Credit", "Intervals", "Metering", "Toml"]),
        .testTarget(name: "CryptoTests", dependencies: ["Crypto"]),
        .testTarget(name: "BusTests", dependencies: ["Bus", "Drivers", "Metering", "CLinux"]),
        .testTarget(name: "JournalTests", dependencies: ["Journal", "Metering", "Crypto"]),
        .testTarget(
            name: "UpstreamTests", dependencies: ["Upstream", "Metering", "Crypto", "Simulator"], exclude: ["Messages"]),
        .testTarget(name: "ControlTests", dependencies: ["Control", "Drivers", "Metering", "meterside"]),
        .testTarget(
            name: "SimulatorTests",
            dependencies: ["Simulator", "Gateway", "Drivers", "Intervals", "Metering", "Toml"]),
        .testTarget(name: "TidyTests"),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Metering", "Intervals", "Credit", "Journal", "Control", "Crypto", "CLinux", "metersided", "meterside",
                "meterside-sim",
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// CI sets this so that a warning fails the build; elsewhere another compiler's new warning stops nobody.
if Context.environment["METERSIDE_STRICT"] != nil {
    for target in package.targets where [.regular, .executable, .test].contains(target.type) {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-warnings-as-errors"])]
    }
}
