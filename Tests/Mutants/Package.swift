// swift-tools-version: 6.2
import PackageDescription

// The package that `keyval-mutate` makes under .build: the cores and the simulator with all mutants, and the program that
// looks for them. What is said here of a target is what the package above says of it, and the switches are added.

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies + ["MutantSwitches"], path: "Sources/\(name)",
    swiftSettings: [.enableUpcomingFeature("ExistentialAny")])
}

let package = Package(
  name: "keyval-mutants",
  targets: [
    .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL"),
    .systemLibrary(name: "CProcessor", path: "Sources/CProcessor"),
    .target(
      name: "CertificateTemplates", path: "Certs",
      resources: [
        .embedInCode("election-ca.cnf"), .embedInCode("election-certificate.cnf"),
        .embedInCode("kdc-certificate.cnf"),
      ]),
    .target(name: "MutantSwitches"),
    .target(name: "Wire", exclude: ["Protocol.md", "keyval.cddl"]),
    .target(name: "Cryptography", dependencies: ["COpenSSL", "CertificateTemplates"]),
    .target(name: "Sessions", dependencies: ["Wire", "Cryptography"]),
    .target(name: "Histories"),
    core("Cluster", ["Wire", "Cryptography"]),
    core("Authority", ["Cluster", "Wire"]),
    core("Commander", ["Cluster", "Wire"]),
    core("Office", ["Commander", "Cluster", "Cryptography", "Wire"]),
    core("Journal", ["Cluster", "Wire"]),
    core("Drone", ["Journal", "Cluster", "Wire", "CProcessor"]),
    core("Database", ["Cluster", "Wire"]),
    core("StoreRules", ["Cluster", "Wire"]),
    core("Routing", ["Cluster", "Wire"]),
    core(
      "Simulation",
      [
        "Authority", "Commander", "Office", "Drone", "Journal", "Database", "StoreRules", "Routing",
        "Sessions", "Histories",
        "Cluster", "Cryptography", "Wire",
      ]),
    .target(name: "MutantCatalogue"),
    .executableTarget(
      name: "keyval-mutants", dependencies: ["Simulation", "MutantCatalogue", "MutantSwitches"],
      swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]),
  ]
)
