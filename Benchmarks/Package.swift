// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

let package = Package(
  name: "keyval-benchmarks",
  dependencies: [
    .package(name: "keyval", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    // What a failure costs, beside Redis: ./dev bench
    .executableTarget(
      name: "failover",
      dependencies: [
        "Measuring",
        .product(name: "Keyval", package: "keyval"), .product(name: "keyval", package: "keyval"),
        .product(name: "LocalCluster", package: "keyval"), .product(name: "HostNetworks", package: "keyval"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    // Programs beside this one, and what the kernel knows of them
    .target(name: "CSocketDiagnostics"),
    .target(
      name: "Measuring",
      dependencies: [
        "CSocketDiagnostics",
        .product(name: "Keyval", package: "keyval"), .product(name: "LocalCluster", package: "keyval"),
      ], swiftSettings: strict),
    // What attackers cost, and what the handshake costs beside TLS 1.3: ./dev bench security
    .executableTarget(
      name: "security",
      dependencies: [
        "Measuring",
        .product(name: "Keyval", package: "keyval"), .product(name: "keyval", package: "keyval"),
        .product(name: "LocalCluster", package: "keyval"), .product(name: "Transport", package: "keyval"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    // How fast a cluster is, beside redis-server over TLS 1.3: ./dev bench speed
    .systemLibrary(name: "CTLS"),
    .executableTarget(
      name: "speed",
      dependencies: [
        "Measuring", "CTLS",
        .product(name: "Keyval", package: "keyval"), .product(name: "keyval", package: "keyval"),
        .product(name: "LocalCluster", package: "keyval"), .product(name: "Load", package: "keyval"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ], swiftSettings: strict),
    .testTarget(
      name: "SpeedTests", dependencies: ["speed", .product(name: "Load", package: "keyval")],
      swiftSettings: strict),
    // What a request, an entry and a session cost, and what follows for many: ./dev bench costs
    .executableTarget(
      name: "costs",
      dependencies: [
        "Measuring",
        .product(name: "Keyval", package: "keyval"), .product(name: "keyval", package: "keyval"),
        .product(name: "Load", package: "keyval"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], resources: [.embedInCode("Costs.md.template")], swiftSettings: strict),
    .testTarget(name: "CostsTests", dependencies: ["costs"], swiftSettings: strict),
    // How many instructions a request takes: ./dev bench instructions
    .executableTarget(
      name: "hotpaths", dependencies: [.product(name: "Drone", package: "keyval")], swiftSettings: strict),
    .executableTarget(
      name: "instructions",
      dependencies: [
        "Measuring", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    // What a store costs, without anything around it
    .executableTarget(
      name: "storage",
      dependencies: [
        .product(name: "Storage", package: "keyval"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .testTarget(
      name: "FailoverTests",
      dependencies: ["failover", "Measuring", .product(name: "NIOCore", package: "swift-nio")],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
