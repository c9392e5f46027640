// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that the product's build does not pay for it. The folders of the product's targets are
// links: SwiftPM takes no sources from outside a package.
let package = Package(
    name: "credit-benchmarks",
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3"),
        .target(name: "Metering"),
        .target(name: "Intervals", dependencies: ["Metering"]),
        .target(name: "Credit", dependencies: ["Metering", "Intervals"]),
        .target(name: "Crypto", dependencies: ["COpenSSL"]),
        .target(name: "Journal", dependencies: ["Metering", "Crypto", "CSQLite"]),
        .executableTarget(
            name: "credit-speed", dependencies: ["Credit", "Intervals", "Metering", "Journal", "Crypto"]),
    ],
    swiftLanguageModes: [.v6]
)
