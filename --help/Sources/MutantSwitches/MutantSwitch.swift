/// One for each mutant. At most one is on, for what is called while it is.
public enum MutantSwitch: String, CaseIterable, Sendable {
  case skipFence
  case checkFenceBeforeTransaction
  case promoteUnlisted
  case promoteAnyJournal
  case dropTombstoneEarly
  case acceptOldGrant
  case keepOldOffice
  case believeStore
  case acknowledgeEarly
  case acknowledgeBeforeShadow
  case listBeforeWhole
  case keepSilentListed
  case commitOutOfOrder
  case revealUnsecuredValue
  case revealUnsecuredDelete
  case applyRetryTwice
  case forgetOldest
  case emptyListFirst
  case copyWithoutLog
  case retireWithoutWaiting
  case ignoreCeiling
  case acceptLowerFence
  case confirmBeforeApplying
  case dropCopyAtLimit
  case fillForAnybody
  case journalLate
  case forgetJournals
  case answerBeforeDirty
  case forgetPrincipal
  case ignoreAccessList
  case trustRetries
  case countLeaseFromReceipt
  case sampleClockBeforeExecuting
  case ignoreLeaseExpiry
  case keepLapsed
  case voteWithoutPromise
  case obeyDeposed
  case believeOldMap
  case countVoteTwice
  case electByReachable
  case electByPresent
  case ignoreTenure
  case keepIncarnation
  case mintWithoutTerm
  case ignoreLeaseOfSilent
  case skipLeaseWait
  case renewWithoutMajority
  case countLeaseFromRenewal
  case keepOldAccessList
  case believeReports

  @TaskLocal public static var current: MutantSwitch?

  public var isOn: Bool { Self.current == self }
}
