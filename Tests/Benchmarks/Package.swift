// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that the product's build does not pay for it. The folders of the product's targets are
// links: SwiftPM takes no sources from outside a package.
let package = Package(
    name: "benchmarks",
    targets: [
        .target(name: "Metering"),
        .target(name: "Drivers", dependencies: ["Metering"]),
        .executableTarget(name: "edmi-codec", dependencies: ["Drivers"]),
    ],
    swiftLanguageModes: [.v6]
)
