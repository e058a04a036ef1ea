// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors in every target of ours; dependencies are left alone.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let configuration: Target.Dependency = .product(
  name: "Configuration", package: "swift-configuration")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let histogram: Target.Dependency = .product(
  name: "Histogram", package: "hdrhistogram-swift")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")

let package = Package(
  name: "keyval",
  products: [
    .library(name: "Keyval", targets: ["Keyval"]),
    .executable(name: "keyval", targets: ["keyval"]),
    // For the benchmarks, which kill and start the processes of a cluster one by one.
    .library(name: "LocalCluster", targets: ["LocalCluster", "Provisioning"]),
    // For those among them that cut a host off.
    .library(name: "HostNetworks", targets: ["HostNetworks"]),
    // For those that open sessions, good and bad ones, by themselves.
    .library(name: "Transport", targets: ["Transport", "Kerberos", "Sessions", "Wire", "Cluster"]),
    // For the benchmark of speed: requests without end.
    .library(name: "Load", targets: ["Load", "Cluster"]),
    // For those that drive a database's store without a database.
    .library(name: "Storage", targets: ["Storage", "Cluster"]),
    // For the one that counts the instructions of a drone's core.
    .library(name: "Drone", targets: ["Drone", "Journal", "Cluster", "Wire"]),
    // For tests: what programs with a wrong clock are started with.
    .library(name: "ShiftedClock", type: .dynamic, targets: ["ShiftedClock"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    // System libraries
    .systemLibrary(name: "CKerberos", path: "Sources/CKerberos"),
    .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL"),
    .systemLibrary(name: "CEditLine", path: "Sources/CEditLine"),
    .systemLibrary(name: "CSpawn", path: "Sources/CSpawn"),
    .systemLibrary(name: "CAllocator", path: "Sources/CAllocator"),
    .systemLibrary(name: "CProcessor", path: "Sources/CProcessor"),
    .systemLibrary(name: "CLocalTrust", path: "Sources/CLocalTrust"),

    // Templates, embedded so that one binary creates a realm anywhere
    .target(
      name: "RealmTemplates", path: "Realm",
      resources: [
        .embedInCode("krb5.conf"), .embedInCode("kdc-krb5.conf"), .embedInCode("kdc.conf"),
        .embedInCode("kadm5.acl"), .embedInCode("principals"), .embedInCode("database-principals"),
        .embedInCode("drone-principals"), .embedInCode("user-principals"), .embedInCode("policies"),
        .embedInCode("access.acl"),
      ], swiftSettings: strict),
    .target(
      name: "CertificateTemplates", path: "Certs",
      resources: [
        .embedInCode("election-ca.cnf"), .embedInCode("election-certificate.cnf"),
        .embedInCode("kdc-certificate.cnf"),
      ], swiftSettings: strict),

    // Without I/O
    .target(name: "Wire", exclude: ["Protocol.md", "keyval.cddl"], swiftSettings: strict),
    .target(
      name: "Cryptography", dependencies: ["COpenSSL", "CertificateTemplates"],
      swiftSettings: strict),
    // Who did what: a chain of lines, and its verifier
    .target(name: "Audit", dependencies: ["Cryptography"], swiftSettings: strict),
    .target(name: "Sessions", dependencies: ["Wire", "Cryptography"], swiftSettings: strict),
    .target(name: "Cluster", dependencies: ["Wire", "Cryptography"], swiftSettings: strict),
    .target(name: "Authority", dependencies: ["Cluster", "Wire"], swiftSettings: strict),
    .target(name: "Commander", dependencies: ["Cluster", "Wire"], swiftSettings: strict),
    // What the commander signs and seals with
    .target(
      name: "Office", dependencies: ["Commander", "Cluster", "Cryptography", "Wire"], swiftSettings: strict),
    // What a drone that dies has left: the format of its journal
    .target(name: "Journal", dependencies: ["Cluster", "Wire"], swiftSettings: strict),
    .target(
      name: "Drone", dependencies: ["Journal", "Cluster", "Wire", "CProcessor"], swiftSettings: strict),
    .target(name: "Database", dependencies: ["Cluster", "Wire"], swiftSettings: strict),
    // What stores decide in their transactions, whichever database they are in
    .target(name: "StoreRules", dependencies: ["Cluster", "Wire"], swiftSettings: strict),
    .target(name: "Routing", dependencies: ["Cluster", "Wire"], swiftSettings: strict),
    // What clients were told, and whether it can be so
    .target(name: "Histories", swiftSettings: strict),
    // All cores in one thread and virtual time
    .target(
      name: "Simulation",
      dependencies: [
        "Authority", "Commander", "Office", "Drone", "Journal", "Database", "StoreRules", "Routing",
        "Sessions", "Histories", "Cluster", "Cryptography", "Wire",
      ], swiftSettings: strict),
    .executableTarget(name: "keyval-simulate", dependencies: ["Simulation"], swiftSettings: strict),

    // With I/O
    .target(name: "LocalTrust", dependencies: ["CLocalTrust"], swiftSettings: strict),
    .target(name: "Kerberos", dependencies: ["CKerberos", "LocalTrust"], swiftSettings: strict),
    .target(
      name: "Storage", dependencies: ["StoreRules", "Cluster", "Wire", "LocalTrust", grdb, logging],
      swiftSettings: strict),
    .target(
      name: "Transport",
      dependencies: ["Wire", "Cryptography", "Sessions", "Kerberos", nioCore, nioPosix, logging],
      swiftSettings: strict),
    .target(
      name: "Node",
      dependencies: [
        "Wire", "Cryptography", "Sessions", "Cluster", "Kerberos", "StoreRules", "Storage", "Transport",
        "LocalTrust", "Authority", "Commander", "Office", "Drone", "Journal", "Database", "Audit",
        "CAllocator",
        nioCore, nioPosix, logging, lifecycle, configuration,
      ], swiftSettings: strict),
    .target(
      name: "Keyval",
      dependencies: [
        "Wire", "Cryptography", "Sessions", "Cluster", "Routing", "Kerberos", "Transport", "LocalTrust",
        nioCore, nioPosix, logging,
      ], swiftSettings: strict),
    // Requests without end, for whoever measures: keyval bench, ./dev bench speed
    .target(
      name: "Load",
      dependencies: [
        "Wire", "Cryptography", "Sessions", "Cluster", "Kerberos", "Transport", "Keyval", nioCore, nioPosix,
        histogram,
      ], swiftSettings: strict),
    .target(
      name: "Provisioning",
      dependencies: ["Kerberos", "Cryptography", "RealmTemplates", "CSpawn", "LocalTrust", logging],
      swiftSettings: strict),
    .target(
      name: "LocalCluster",
      dependencies: ["Provisioning", "Kerberos", "RealmTemplates", "LocalTrust", logging],
      swiftSettings: strict),
    .executableTarget(
      name: "keyval",
      dependencies: [
        "Keyval", "Node", "LocalCluster", "LocalTrust", "Provisioning", "Kerberos", "Wire", "Cluster",
        "Audit", "Load",
        "CEditLine", arguments, configuration, lifecycle, logging,
      ], path: "Sources/keyval-cli", swiftSettings: strict),
    // Every decoder under a fuzzer, with the tests' samples to begin with: ./dev fuzz
    .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .target(
      name: "FuzzHarness", dependencies: ["CFuzzer"], path: "Tests/Fuzz/Harness", swiftSettings: strict),
    .executableTarget(
      name: "keyval-fuzz",
      dependencies: [
        "FuzzHarness", "Audit", "Cluster", "COpenSSL", "Cryptography", "Kerberos", "Sessions", "Storage",
        "StoreRules", "Wire",
      ],
      path: "Tests/Fuzz/Decoders", swiftSettings: strict),
    .executableTarget(
      name: "keyval-fuzz-node", dependencies: ["FuzzHarness", "Cluster", "Drone", "Journal", "Node"],
      path: "Tests/Fuzz/NodeDecoders", swiftSettings: strict),
    // What works by pointer, under AddressSanitizer
    .executableTarget(
      name: "keyval-memory", dependencies: ["Drone", "Cluster", "Wire"], path: "Tests/Memory",
      swiftSettings: strict),
    // Deliberate faults for the simulator to find, and what plants them in a copy of the sources: ./dev mutants
    .target(name: "MutantCatalogue", path: "Tests/Mutants/Catalogue", swiftSettings: strict),
    .executableTarget(
      name: "keyval-mutate", dependencies: ["MutantCatalogue"], path: "Tests/Mutants/Seeding",
      swiftSettings: strict),
    .testTarget(
      name: "MutantTests", dependencies: ["keyval-mutate", "MutantCatalogue"], swiftSettings: strict),
    .testTarget(
      name: "AuthorityTests", dependencies: ["Authority", "Storage", "Cluster", "Cryptography", grdb],
      swiftSettings: strict),
    .testTarget(name: "AuditTests", dependencies: ["Audit", "Cryptography"], swiftSettings: strict),
    .testTarget(
      name: "NodeTests",
      dependencies: [
        "Node", "Audit", "Authority", "Cluster", "Commander", "Cryptography", "Drone", "Journal", "Kerberos",
        "LocalTrust",
        "Sessions", "Storage",
        "Transport", "Wire", "Provisioning", "KerberosFixture", nioPosix, logging, lifecycle,
      ], swiftSettings: strict),
    .testTarget(name: "ArchitectureTests", swiftSettings: strict),
    .testTarget(
      name: "KeyvalTests",
      dependencies: [
        "Keyval", "Load", "Cluster", "Cryptography", "Kerberos", "KerberosFixture", "Sessions", "Transport",
        "Wire", nioPosix, logging,
      ], swiftSettings: strict),
    .testTarget(
      name: "SimulationTests", dependencies: ["Simulation", "Histories"], path: "Tests/Simulation",
      swiftSettings: strict),
    .testTarget(
      name: "RoutingTests", dependencies: ["Routing", "Cluster", "Cryptography"], swiftSettings: strict),
    .testTarget(
      name: "LoadTests", dependencies: ["Load", "Cluster", "Wire", histogram], swiftSettings: strict),
    .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
    .testTarget(
      name: "ClusterTests", dependencies: ["Cluster", "Cryptography", "Wire"], swiftSettings: strict),
    .testTarget(
      name: "LocalClusterTests", dependencies: ["LocalCluster", "LocalTrust", "Provisioning"],
      swiftSettings: strict),
    .testTarget(name: "LocalTrustTests", dependencies: ["LocalTrust"], swiftSettings: strict),
    .testTarget(
      name: "CommandLineTests", dependencies: ["keyval", "Keyval", "Audit", "Cluster", "Wire"],
      swiftSettings: strict),
    .testTarget(
      name: "SessionsTests", dependencies: ["Sessions", "Wire", "Cryptography"], swiftSettings: strict),
    .testTarget(
      name: "CryptographyTests", dependencies: ["Cryptography", "COpenSSL", "CertificateTemplates"],
      swiftSettings: strict),
    // A real KDC for the tests that need one
    .target(
      name: "KerberosFixture",
      dependencies: ["CKerberos", "Kerberos", "Cluster", "Cryptography", "Provisioning"],
      path: "Tests/KerberosFixture", swiftSettings: strict),
    .testTarget(
      name: "KerberosTests",
      dependencies: [
        "Kerberos", "Cryptography", "LocalTrust", "Provisioning", "RealmTemplates", "KerberosFixture",
      ],
      swiftSettings: strict),
    // What the storage tests kill in the middle of its work
    .executableTarget(
      name: "StoreAppender", dependencies: ["Storage", "Cluster"], path: "Tests/StoreAppender",
      swiftSettings: strict),
    .testTarget(
      name: "StorageTests",
      dependencies: [
        "Storage", "StoreRules", "StoreAppender", "Simulation", "Drone", "Cluster", "Wire", grdb,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "DatabaseTests", dependencies: ["Database", "Cluster", "Cryptography", "Wire"],
      swiftSettings: strict),
    .testTarget(
      name: "DatabaseNodeTests",
      dependencies: [
        "Node", "Storage", "Transport", "Sessions", "Kerberos", "Cluster", "Wire", "Cryptography",
        "KerberosFixture", grdb, nioCore, nioPosix, logging, lifecycle,
      ], swiftSettings: strict),
    .testTarget(
      name: "TransportTests",
      dependencies: [
        "Transport", "Sessions", "Kerberos", "KerberosFixture", "Wire", nioCore, nioPosix, logging,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "DroneTests", dependencies: ["Drone", "Journal", "Cluster", "Cryptography", "Wire"],
      swiftSettings: strict),
    .testTarget(name: "JournalTests", dependencies: ["Journal", "Cluster", "Wire"], swiftSettings: strict),
    .testTarget(
      name: "CommanderTests", dependencies: ["Commander", "Office", "Drone", "Cluster", "Cryptography"],
      swiftSettings: strict),
    // A whole cluster of real processes for the tests that need one
    .target(
      name: "ClusterFixture",
      dependencies: [
        "LocalCluster", "Keyval", "Cluster", "Cryptography", "Kerberos", "Provisioning", "KerberosFixture",
      ],
      path: "Tests/ClusterFixture", swiftSettings: strict),
    .testTarget(
      name: "ScenarioTests",
      dependencies: [
        "ClusterFixture", "HostWorkload", "keyval", "Keyval", "LocalCluster", "Cluster", "Cryptography",
        "Kerberos", "KerberosFixture", "Node", "Provisioning", "Sessions", "Transport", "Wire", nioCore,
        nioPosix, logging,
      ], path: "Tests/Scenarios", swiftSettings: strict),
    // Clients whose every answer is kept, to be judged afterwards
    .target(
      name: "HostNetworks", dependencies: ["CNamespaces", "LocalCluster"], path: "Tests/HostNetworks",
      swiftSettings: strict),
    .target(
      name: "HostWorkload", dependencies: ["Cluster", "Histories", "Keyval"], path: "Tests/HostWorkload",
      swiftSettings: strict),
    // Hosts of their own as network namespaces, and those clients on one of them
    .systemLibrary(name: "CNamespaces", path: "Tests/CNamespaces"),
    .executableTarget(
      name: "HostClients", dependencies: ["HostNetworks", "HostWorkload", "Keyval"],
      path: "Tests/HostClients", swiftSettings: strict),
    .testTarget(
      name: "HostTests",
      dependencies: [
        "ClusterFixture", "HostNetworks", "HostWorkload", "HostClients", "Histories", "keyval",
        "LocalCluster", "Provisioning",
      ], path: "Tests/Hosts", swiftSettings: strict),
    .target(name: "ShiftedClock", path: "Tests/ShiftedClock"),
    .testTarget(
      name: "SecurityTests",
      dependencies: [
        "Audit", "CKerberos", "ClusterFixture", "keyval", "Node", "Keyval", "LocalCluster", "Cluster",
        "Cryptography", "Kerberos", "LocalTrust", "KerberosFixture", "Provisioning", "Sessions", "Transport",
        "Wire", nioCore,
        nioPosix,
        logging,
      ], path: "Tests/Security", swiftSettings: strict,
      // What a thief computes with a ticket's keys.
      linkerSettings: [.linkedLibrary("k5crypto")]),
  ],
  swiftLanguageModes: [.v6]
)
