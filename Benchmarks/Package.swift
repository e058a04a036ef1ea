// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "keyval-benchmarks",
  dependencies: [.package(name: "keyval", path: "..")],
  targets: [
    // How long a cluster takes to come back: swift run -c release --package-path Benchmarks failover
    .executableTarget(
      name: "failover",
      dependencies: [
        .product(name: "Keyval", package: "keyval"), .product(name: "keyval", package: "keyval"),
      ],
      swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")])
  ],
  swiftLanguageModes: [.v6]
)
