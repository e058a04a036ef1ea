import Cluster

/// What happens to a database. Sessions are named by numbers that are never used twice.
public enum DatabaseEvent: Sendable {
  /// The node listens there and may say so.
  case listening(Endpoint)
  /// Time passed; comes at least every heartbeat.
  case ticked
  /// A session whose peer has been admitted.
  case opened(session: UInt64, DatabasePeer)
  case closed(session: UInt64)
  case received(ControlMessage, session: UInt64)
  case requested(StoreRequest, session: UInt64)
  /// The transaction under way is on the disk.
  case finished(StoreJobResult, backlog: StoreBacklog, mark: StoreMark)
  /// It failed, and nothing of it is stored.
  case failed(StoreFailure, backlog: StoreBacklog)
  /// A stream has handed out everything.
  case streamed(UInt64)
  /// It ended early; of these partitions not all has been handed out.
  case streamFailed(UInt64, rest: PartitionSet, StoreFailure)
  /// The store could not be verified.
  case scrubFailed(StoreFailure)
  /// The process is to end, in order.
  case stopRequested
}

/// What is to be done, in this order.
public enum DatabaseAction: Hashable, Sendable {
  case send(ControlMessage, session: UInt64)
  /// To the authority, over whichever session there is or can be.
  case register(Register)
  /// To the authority, likewise: which store this is.
  case report(StoreReport)
  case answer(StoreAnswer, session: UInt64)
  /// End a session; what was sent before still goes out.
  case close(session: UInt64, DatabaseAccessError)
  /// Store the list durably before anything that follows is done. It is what drones are admitted by from now on.
  case admit(SignedMembership, MembershipList)
  /// Run one transaction, then tell with `finished` or `failed`. There is never more than one.
  case perform(StoreJob)
  /// Hand out contents on a session, then tell with `streamed` or `streamFailed`.
  case stream(ContentsStream)
  /// After `stopRequested`, once: the process may end. These drones had not said that nothing is owed.
  case end(without: [Principal])
  /// Once: nothing good comes of going on with the store as it is open now, whoever has found that. The process ends
  /// with the error that the store gave.
  case giveUp
  case note(DatabaseNote)
}

/// Contents that a drone is owed: `contents` and `opened` answers for each partition, read by a thread of the
/// shell at the session's pace.
public struct ContentsStream: Hashable, Sendable {
  public let identifier: UInt64
  public let session: UInt64
  /// The drone's number of the request.
  public let number: UInt64
  public let opening: PartitionOpening
}

/// What is worth a line in the log.
public enum DatabaseNote: Hashable, Sendable {
  case termRaised(Term)
  case keyStored(Term)
  case opened(Principal, PartitionSet, FencingToken)
  case refused(Principal, PartitionSet, reason: String)
  case fencedOff(Principal, PartitionSet)
  /// A transaction came to nothing.
  case storeFailed(reason: String)
  /// After it had failed, and had let those who asked for something wait, the store stores again.
  case storeRecovered
  /// This was found by a transaction that otherwise went well.
  case damaged(DamagedRow)
  /// The authority knows the store, and it may be used.
  case storeAccepted(StoreMark)
  /// It may not be used; the cluster knows another, or a later state of it.
  case storeHeld(StoreMark, known: KnownStore)
  /// This drone shows a receipt that this store has not given.
  case receiptRefused(Principal, StoreMark)
  /// A newer membership list.
  case membershipChanged(version: UInt64, members: Int)
  /// The authority sent a list that is not to be believed.
  case membershipRefused(reason: String)
}
