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

    public static var names: [String] { Mutations.named.map(\.name) }

    /// Runs the seeds one after the other until one fails.
    public static func find(_ name: String, seeds: ClosedRange<UInt64>) -> Finding {
      guard let mutation = Mutations.named.first(where: { $0.name == name })?.mutation else {
        return Finding(name: name, seed: nil, violation: "there is no such mutation")
      }
      for seed in seeds {
        var run = Run(seed: seed)
        run.mutations = mutation
        if let violation = run().violations.first {
          return Finding(name: name, seed: seed, violation: violation)
        }
      }
      return Finding(name: name, seed: nil, violation: "")
    }
  }
#endif
