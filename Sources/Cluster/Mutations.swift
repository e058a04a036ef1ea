#if KEYVAL_MUTATIONS
  /// Deliberate faults for the simulator to find: a simulator that finds none of them proves nothing. No
  /// release has them, nor any code that could switch them on.
  public struct Mutations: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    // At the database
    /// Append whoever asks.
    public static let skipFence = Mutations(rawValue: 1 << 0)
    /// Compare the fence when the request comes instead of inside the transaction that appends.
    public static let checkFenceBeforeTransaction = Mutations(rawValue: 1 << 1)

    // At drones
    /// Answer a write before the database has it.
    public static let acknowledgeEarly = Mutations(rawValue: 1 << 2)
    /// Count a lease from the commander's answer instead of the question.
    public static let countLeaseFromReceipt = Mutations(rawValue: 1 << 4)
    /// Look at the clock before a batch is executed, not after it.
    public static let sampleClockBeforeExecuting = Mutations(rawValue: 1 << 5)
    /// Answer reads whatever the lease.
    public static let ignoreLeaseExpiry = Mutations(rawValue: 1 << 6)
    /// Execute a write as often as it is asked.
    public static let applyRetryTwice = Mutations(rawValue: 1 << 7)
    /// Report what lapsed under an earlier commander to a new one, as if it had been kept.
    public static let keepLapsed = Mutations(rawValue: 1 << 8)
    /// Tell a vote without having stored it.
    public static let voteWithoutPromise = Mutations(rawValue: 1 << 9)

    /// Execute what a client asks, whatever its rights.
    public static let ignoreAccessList = Mutations(rawValue: 1 << 16)

    // At the authority
    /// Count every answer of a voter.
    public static let countVoteTwice = Mutations(rawValue: 1 << 10)
    /// A majority of those who answer is enough.
    public static let electByReachable = Mutations(rawValue: 1 << 11)
    /// Give the authority's own voice whatever its tenure.
    public static let ignoreTenure = Mutations(rawValue: 1 << 18)

    /// A majority of the present drones is enough, whatever drones the commander counts.
    public static let electByPresent = Mutations(rawValue: 1 << 16)

    // At commanders
    /// Take a restarted drone for the one that it was.
    public static let keepIncarnation = Mutations(rawValue: 1 << 3)
    /// Mint tokens that do not name the term.
    public static let mintWithoutTerm = Mutations(rawValue: 1 << 12)
    /// Give partitions away as soon as their drone is silent, whatever its lease.
    public static let ignoreLeaseOfSilent = Mutations(rawValue: 1 << 13)
    /// Take office without waiting for the leases that an earlier commander gave.
    public static let skipLeaseWait = Mutations(rawValue: 1 << 14)
    /// Renew leases without a majority.
    public static let renewWithoutMajority = Mutations(rawValue: 1 << 15)
    /// Renew leases also for drones with an old access list, and tell nobody of a new one.
    public static let keepOldAccessList = Mutations(rawValue: 1 << 17)
  }

  extension Mutations {
    /// All of them by name.
    public static let named: [(name: String, mutation: Mutations)] = [
      ("skipFence", .skipFence),
      ("checkFenceBeforeTransaction", .checkFenceBeforeTransaction),
      ("acknowledgeEarly", .acknowledgeEarly),
      ("keepIncarnation", .keepIncarnation),
      ("countLeaseFromReceipt", .countLeaseFromReceipt),
      ("sampleClockBeforeExecuting", .sampleClockBeforeExecuting),
      ("ignoreLeaseExpiry", .ignoreLeaseExpiry),
      ("applyRetryTwice", .applyRetryTwice),
      ("keepLapsed", .keepLapsed),
      ("voteWithoutPromise", .voteWithoutPromise),
      ("countVoteTwice", .countVoteTwice),
      ("electByReachable", .electByReachable),
      ("ignoreTenure", .ignoreTenure),
      ("electByPresent", .electByPresent),
      ("mintWithoutTerm", .mintWithoutTerm),
      ("ignoreLeaseOfSilent", .ignoreLeaseOfSilent),
      ("skipLeaseWait", .skipLeaseWait),
      ("renewWithoutMajority", .renewWithoutMajority),
      ("ignoreAccessList", .ignoreAccessList),
      ("keepOldAccessList", .keepOldAccessList),
    ]
  }
#endif
