#if KEYVAL_MUTATIONS
  /// Deliberate faults for the simulator to find: a simulator that finds none of them proves nothing. No
  /// release has them, nor any code that could switch them on.
  public struct Mutations: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    // At the database
    /// Append whoever asks.
    public static let skipFence = Mutations(rawValue: 1 << 0)
    /// Compare the fence when the request comes instead of inside the transaction that appends.
    public static let checkFenceBeforeTransaction = Mutations(rawValue: 1 << 1)
    /// Let a copy be promoted whoever is on the list.
    public static let promoteUnlisted = Mutations(rawValue: 1 << 2)
    /// Forget at the next folding what was deleted since the one before, and not the value that it had.
    public static let dropTombstoneEarly = Mutations(rawValue: 1 << 3)

    /// Open partitions by grants of a lower term.
    public static let acceptOldGrant = Mutations(rawValue: 1 << 4)
    /// Obey a commander of a lower term, and end no session of his.
    public static let keepOldOffice = Mutations(rawValue: 1 << 5)

    // At drones, of writes
    /// Answer a write that is nowhere else.
    public static let acknowledgeEarly = Mutations(rawValue: 1 << 8)
    /// Answer a write once it has been sent to the shadow.
    public static let acknowledgeBeforeShadow = Mutations(rawValue: 1 << 9)
    /// Have a shadow listed before it has said that its copy is whole.
    public static let listBeforeWhole = Mutations(rawValue: 1 << 10)
    /// Go on without a shadow that is silent, and leave it on the list.
    public static let keepSilentListed = Mutations(rawValue: 1 << 11)
    /// Send the database the second record before the first.
    public static let commitOutOfOrder = Mutations(rawValue: 1 << 12)
    /// Answer a read with a value whose second place is not sure.
    public static let revealUnsecuredValue = Mutations(rawValue: 1 << 13)
    /// Answer `not found` before the delete has its second place.
    public static let revealUnsecuredDelete = Mutations(rawValue: 1 << 14)
    /// Execute a write as often as it is asked.
    public static let applyRetryTwice = Mutations(rawValue: 1 << 15)
    /// As a shadow: confirm records of an owner whose token has been overtaken.
    public static let acceptLowerFence = Mutations(rawValue: 1 << 16)
    /// As a shadow: confirm records, and take them with the next message.
    public static let confirmBeforeApplying = Mutations(rawValue: 1 << 17)
    /// Have nobody on the list before the database has what only copies had.
    public static let emptyListFirst = Mutations(rawValue: 1 << 18)
    /// Begin a copy at what is in the table, without the log from what the database has.
    public static let copyWithoutLog = Mutations(rawValue: 1 << 19)
    /// End, and give everything back, whether the database has it or not.
    public static let retireWithoutWaiting = Mutations(rawValue: 1 << 20)
    /// As a shadow: throw away a copy for which too much has to be kept.
    public static let dropCopyAtLimit = Mutations(rawValue: 1 << 21)
    /// As a shadow: take what is said of a copy, whoever says it.
    public static let fillForAnybody = Mutations(rawValue: 1 << 50)
    /// Write a record to the journal with the one that follows it.
    public static let journalLate = Mutations(rawValue: 1 << 51)
    /// Let the journal of any life be promoted.
    public static let promoteAnyJournal = Mutations(rawValue: 1 << 52)
    /// Begin a journal without what earlier lives have left, and not handed over yet.
    public static let forgetJournals = Mutations(rawValue: 1 << 53)
    /// Tell of what is written before the disk knows that the journal is not clean any more.
    public static let answerBeforeDirty = Mutations(rawValue: 1 << 54)
    /// Know a client by what it calls itself, whoever its principal is.
    public static let forgetPrincipal = Mutations(rawValue: 1 << 22)
    /// Forget the oldest outcome, and not one of the principal that has most.
    public static let forgetOldest = Mutations(rawValue: 1 << 23)

    // At drones, of leases, elections and rights
    /// Count a lease from the commander's answer instead of the question.
    public static let countLeaseFromReceipt = Mutations(rawValue: 1 << 24)
    /// Look at the clock before a batch is executed, not after it.
    public static let sampleClockBeforeExecuting = Mutations(rawValue: 1 << 25)
    /// Answer reads whatever the lease.
    public static let ignoreLeaseExpiry = Mutations(rawValue: 1 << 26)
    /// Report what lapsed under an earlier commander to a new one, as if it had been kept.
    public static let keepLapsed = Mutations(rawValue: 1 << 27)
    /// Tell a vote without having stored it.
    public static let voteWithoutPromise = Mutations(rawValue: 1 << 28)
    /// Execute what a client asks, whatever its rights.
    public static let ignoreAccessList = Mutations(rawValue: 1 << 29)
    /// Execute a retry whatever the client's rights, as if its first attempt had been let through.
    public static let trustRetries = Mutations(rawValue: 1 << 30)
    /// Obey the heartbeats of a commander of a lower term.
    public static let obeyDeposed = Mutations(rawValue: 1 << 31)
    /// Believe a map of a lower term, whoever sends it.
    public static let believeOldMap = Mutations(rawValue: 1 << 48)

    /// Take what clients put, whatever the memory ceiling.
    public static let ignoreCeiling = Mutations(rawValue: 1 << 49)

    // At the authority
    /// Count every answer of a voter.
    public static let countVoteTwice = Mutations(rawValue: 1 << 32)
    /// A majority of those who answer is enough.
    public static let electByReachable = Mutations(rawValue: 1 << 33)
    /// Give the authority's own voice whatever its tenure.
    public static let ignoreTenure = Mutations(rawValue: 1 << 34)
    /// A majority of the present drones is enough, whatever drones the commander counts.
    public static let electByPresent = Mutations(rawValue: 1 << 35)

    // At a database
    /// Use whatever store there is.
    public static let believeStore = Mutations(rawValue: 1 << 37)

    // At commanders
    /// Take a restarted drone for the one that it was.
    public static let keepIncarnation = Mutations(rawValue: 1 << 40)
    /// Mint tokens that do not name the term.
    public static let mintWithoutTerm = Mutations(rawValue: 1 << 41)
    /// Give partitions away as soon as their drone is silent, whatever its lease.
    public static let ignoreLeaseOfSilent = Mutations(rawValue: 1 << 42)
    /// Take office without waiting for the leases that an earlier commander gave.
    public static let skipLeaseWait = Mutations(rawValue: 1 << 43)
    /// Renew leases without a majority.
    public static let renewWithoutMajority = Mutations(rawValue: 1 << 44)
    /// Renew leases also for drones with an old access list, and tell nobody of a new one.
    public static let keepOldAccessList = Mutations(rawValue: 1 << 45)
    /// Give leases of full length, whenever the heartbeats were sent that a majority answered.
    public static let countLeaseFromRenewal = Mutations(rawValue: 1 << 46)
    /// Believe of a drone that it holds what it reports, and has the copies that it reports.
    public static let believeReports = Mutations(rawValue: 1 << 47)
  }

  extension Mutations {
    /// All of them by name.
    public static let named: [(name: String, mutation: Mutations)] = [
      ("skipFence", .skipFence),
      ("checkFenceBeforeTransaction", .checkFenceBeforeTransaction),
      ("promoteUnlisted", .promoteUnlisted),
      ("dropTombstoneEarly", .dropTombstoneEarly),
      ("acknowledgeEarly", .acknowledgeEarly),
      ("acknowledgeBeforeShadow", .acknowledgeBeforeShadow),
      ("listBeforeWhole", .listBeforeWhole),
      ("keepSilentListed", .keepSilentListed),
      ("commitOutOfOrder", .commitOutOfOrder),
      ("revealUnsecuredValue", .revealUnsecuredValue),
      ("revealUnsecuredDelete", .revealUnsecuredDelete),
      ("applyRetryTwice", .applyRetryTwice),
      ("acceptLowerFence", .acceptLowerFence),
      ("confirmBeforeApplying", .confirmBeforeApplying),
      ("emptyListFirst", .emptyListFirst),
      ("copyWithoutLog", .copyWithoutLog),
      ("retireWithoutWaiting", .retireWithoutWaiting),
      ("dropCopyAtLimit", .dropCopyAtLimit),
      ("countLeaseFromReceipt", .countLeaseFromReceipt),
      ("sampleClockBeforeExecuting", .sampleClockBeforeExecuting),
      ("ignoreLeaseExpiry", .ignoreLeaseExpiry),
      ("keepLapsed", .keepLapsed),
      ("voteWithoutPromise", .voteWithoutPromise),
      ("ignoreAccessList", .ignoreAccessList),
      ("ignoreCeiling", .ignoreCeiling),
      ("countVoteTwice", .countVoteTwice),
      ("electByReachable", .electByReachable),
      ("ignoreTenure", .ignoreTenure),
      ("electByPresent", .electByPresent),
      ("believeStore", .believeStore),
      ("keepIncarnation", .keepIncarnation),
      ("mintWithoutTerm", .mintWithoutTerm),
      ("ignoreLeaseOfSilent", .ignoreLeaseOfSilent),
      ("skipLeaseWait", .skipLeaseWait),
      ("renewWithoutMajority", .renewWithoutMajority),
      ("keepOldAccessList", .keepOldAccessList),
      ("countLeaseFromRenewal", .countLeaseFromRenewal),
      ("believeReports", .believeReports),
      ("fillForAnybody", .fillForAnybody),
      ("acceptOldGrant", .acceptOldGrant),
      ("keepOldOffice", .keepOldOffice),
      ("journalLate", .journalLate),
      ("promoteAnyJournal", .promoteAnyJournal),
      ("forgetJournals", .forgetJournals),
      ("answerBeforeDirty", .answerBeforeDirty),
      ("forgetPrincipal", .forgetPrincipal),
      ("forgetOldest", .forgetOldest),
      ("trustRetries", .trustRetries),
      ("obeyDeposed", .obeyDeposed),
      ("believeOldMap", .believeOldMap),
    ]
  }
#endif
