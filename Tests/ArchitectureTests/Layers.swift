/// Who may import whom: the order of the layers, written down once. Imports point down only.
enum Layers {
  struct Target {
    /// Targets of ours.
    let ours: Set<String>
    /// Modules of the system and of packages.
    let others: Set<String>

    init(_ ours: Set<String> = [], others: Set<String> = []) {
      self.ours = ours
      self.others = others
    }
  }

  private static let system: Set<String> = ["Glibc", "Musl", "Darwin", "Synchronization", "Dispatch"]
  private static let foundation: Set<String> = ["Foundation", "FoundationEssentials"]
  private static let nio: Set<String> = ["NIOCore", "NIOPosix", "NIOConcurrencyHelpers", "Atomics"]

  /// By the name of the folder in Sources.
  static let targets: [String: Target] = [
    // C libraries: module maps and inline wrappers.
    "CKerberos": Target(), "COpenSSL": Target(), "CEditLine": Target(),
    "CSpawn": Target(), "CAllocator": Target(), "CProcessor": Target(), "CLocalTrust": Target(),

    // Without I/O: no system module, no event loop, no clock. What they need is passed in.
    "Wire": Target(),
    "Cryptography": Target(["COpenSSL", "CertificateTemplates"]),
    "Audit": Target(["Cryptography"]),
    "Sessions": Target(["Wire", "Cryptography"]),
    "Cluster": Target(["Wire", "Cryptography"]),
    "Authority": Target(["Cluster", "Wire"]),
    "Commander": Target(["Cluster", "Wire"]),
    "Office": Target(["Commander", "Cluster", "Cryptography", "Wire"]),
    // Memory that outlives the process is passed in; what is asked of the system is an order of stores.
    "Journal": Target(["Cluster", "Wire"], others: ["Synchronization"]),
    "Drone": Target(["Journal", "Cluster", "Wire", "CProcessor"], others: ["Synchronization"]),
    "Database": Target(["Cluster", "Wire"]),
    "StoreRules": Target(["Cluster", "Wire"]),
    "Routing": Target(["Cluster", "Wire"]),
    "Histories": Target(),
    "Simulation": Target(
      [
        "Authority", "Commander", "Office", "Drone", "Journal", "Database", "StoreRules", "Routing",
        "Sessions", "Histories", "Cluster", "Cryptography", "Wire",
      ], others: ["Synchronization"]),
    "keyval-simulate": Target(["Simulation"], others: system),

    // With I/O, each knowing its own trade: Kerberos no network loop and no roles, Storage no network.
    "LocalTrust": Target(["CLocalTrust"], others: system),
    "Kerberos": Target(["CKerberos", "LocalTrust"], others: system),
    "Storage": Target(
      ["StoreRules", "Cluster", "Wire", "LocalTrust"],
      others: system.union(foundation).union(["GRDB", "Logging"])),
    "Transport": Target(
      ["Wire", "Cryptography", "Sessions", "Kerberos"], others: system.union(nio).union(["Logging"])),

    // What joins them.
    "Node": Target(
      [
        "Wire", "Cryptography", "Sessions", "Cluster", "Kerberos", "StoreRules", "Storage", "Transport",
        "Authority", "Commander", "Office", "Drone", "Journal", "Database", "LocalTrust", "CAllocator",
        "Audit",
      ],
      others: system.union(foundation).union(nio).union([
        "Logging", "Metrics", "ServiceLifecycle", "UnixSignals", "Configuration",
      ])),
    "Keyval": Target(
      ["Wire", "Cryptography", "Sessions", "Cluster", "Routing", "Kerberos", "Transport", "LocalTrust"],
      others: system.union(nio).union(["FoundationEssentials", "Foundation", "Logging"])),
    "Load": Target(
      ["Wire", "Cryptography", "Sessions", "Cluster", "Kerberos", "Transport", "Keyval"],
      others: system.union(nio).union(["Histogram"])),
    "Provisioning": Target(
      ["Kerberos", "Cryptography", "RealmTemplates", "CSpawn", "LocalTrust"],
      others: system.union(foundation).union(["Logging"])),
    "LocalCluster": Target(
      ["Provisioning", "Kerberos", "Cryptography", "RealmTemplates", "LocalTrust"],
      others: system.union(foundation).union(["Logging"])),
    "keyval-cli": Target(
      [
        "Keyval", "Node", "LocalCluster", "LocalTrust", "Provisioning", "Kerberos", "Wire", "Cluster",
        "Audit", "Load",
        "CEditLine",
      ],
      others: system.union(foundation).union([
        "ArgumentParser", "Configuration", "Logging", "ServiceLifecycle",
      ])),
  ]
}
