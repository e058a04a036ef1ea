#if KEYVAL_MUTATIONS
  import Cluster

  /// Whether the simulator finds what it is there to find.
  public enum MutationCheck {
    public struct Finding: Sendable {
      public let name: String
      /// The first seed that shows it; nil when none of those that were tried does.
      public let seed: UInt64?
      public let violation: String
    }

    /// There is no such deliberate fault.
    public struct Unknown: Error, CustomStringConvertible {
      public let name: String
      public var description: String { "there is no deliberate fault ‘\(name)’" }
    }

    /// - Throws: `Unknown`.
    public static func mutation(_ name: String) throws(Unknown) -> Mutations {
      guard let known = Mutations.named.first(where: { $0.name == name }) else { throw Unknown(name: name) }
      return known.mutation
    }

    /// Whether each can be switched on by itself.
    public static var areDistinct: Bool { Set(Mutations.named.map(\.mutation)).count == names.count }

    public static var names: [String] { Mutations.named.map(\.name) }

    /// Runs the seeds one after the other until one fails that does not fail without the mutation.
    public static func find(
      _ name: String, seeds: ClosedRange<UInt64>, isPlain: Bool = false
    ) -> Finding {
      guard let mutation = Mutations.named.first(where: { $0.name == name })?.mutation else {
        return Finding(name: name, seed: nil, violation: "there is no such mutation")
      }
      for seed in seeds {
        var run = Run(seed: seed, isPlain: isPlain)
        run.mutations = mutation
        if let violation = run().violations.first, Run(seed: seed, isPlain: isPlain)().violations.isEmpty {
          return Finding(name: name, seed: seed, violation: violation)
        }
      }
      return Finding(name: name, seed: nil, violation: "")
    }
  }
#endif
