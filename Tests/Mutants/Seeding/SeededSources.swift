import MutantCatalogue

/// Everything that the program with all mutants is built from, by its path.
enum SeededSources {
  /// What of the sources it takes: the cores, and the simulator.
  static let folders = [
    "COpenSSL", "CProcessor", "Wire", "Cryptography", "Cluster", "Authority", "Commander", "Office",
    "Journal", "Drone",
    "Database",
    "StoreRules", "Routing", "Sessions", "Histories", "Simulation",
  ]
  /// The files of the simulator's program that the one which looks for mutants has, too.
  static let shared = ["Output.swift", "Parallel.swift"]

  static let switches = "Sources/MutantSwitches/MutantSwitch.swift"

  /// - Parameter mutants: no two of which have the same name.
  static func made(of sources: [String: String], _ mutants: [Mutant]) throws(SeedingError) -> [String: String]
  {
    var made = sources
    var files: [String: SeededFile] = [:]
    var names: Set<String> = []
    for mutant in mutants {
      guard names.insert(mutant.name).inserted else { throw .sameName(mutant.name) }
      for edit in mutant.edits {
        let path = "Sources/\(edit.file)"
        guard let text = sources[path] else { throw .noFile(mutant: mutant.name, file: edit.file) }
        try files[path, default: SeededFile(edit.file, text)].add(edit, of: mutant.name)
      }
    }
    for (path, file) in files { made[path] = file.seeded() }
    made[switches] = switchFile(mutants.map(\.name))
    return made
  }

  private static func switchFile(_ names: [String]) -> String {
    """
    /// One for each mutant. At most one is on, for what is called while it is.
    public enum MutantSwitch: String, CaseIterable, Sendable {
      case \(names.joined(separator: "\n  case "))

      @TaskLocal public static var current: MutantSwitch?

      public var isOn: Bool { Self.current == self }
    }

    """
  }
}
