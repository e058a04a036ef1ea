import Cluster
import Wire

/// One partition that this drone has loaded. A write waits in the log until it has its second place; only then it
/// enters the table. So no answer ever shows a write that is not secured. It is under the lock of its data loop (`GuardedLoop`).
///
/// The second place is the database, or the memories of *all* shadows of *every* list that the database may have:
/// the one that it confirmed last, and each that was asked for since and may have been stored. Where one of these
/// names nobody, only the database is left: a shadow that may be off the list is never promoted.
final class DataPartition: Counted {
  let partition: Partition
  let token: FencingToken
  /// Reads are answered until then.
  private(set) var leaseEnd = Instant(milliseconds: .min)
  var table = Table()
  var history = WriteHistory()
  private(set) var log = WriteLog()
  /// The last write in the table.
  private(set) var applied: UInt64 = 0
  /// The last one that may have been acknowledged for being in a second place. What comes behind it in the table waived
  /// that place.
  private(set) var secured: UInt64 = 0
  /// The database has every record up to this one.
  private(set) var stored: UInt64 = 0
  /// The last one that has been handed to the database and is not to be sent again.
  private(set) var sent: UInt64 = 0
  /// The last one that was ever handed to it: what it may have.
  private(set) var handed: UInt64 = 0
  /// The last one for which somebody waits until the database has it.
  private var awaited: UInt64 = 0
  /// Up to here whoever waited for the database has been told.
  private var told: UInt64 = 0
  private var pending = PendingWrites()
  /// Reads of what has no second place yet.
  var reads = WaitingReads()

  // The list at the database
  /// As the database confirmed it last.
  private(set) var confirmed = InSyncList.empty
  /// The last one that was asked for.
  private var requested = InSyncList.empty
  /// Those that were asked for since and may have been stored.
  private var unconfirmed: [InSyncList] = []
  /// A list is on its way to the database.
  private var isListUnderWay = false
  var streams: [ShadowStream] = []

  // Promotion
  /// The token under which the records in the log were numbered.
  private(set) var numbering: FencingToken
  /// Promoted, and the database does not have all yet that this copy had, or still lists others.
  private(set) var isRecovering = false
  /// Its contents are the copy's that it was promoted from, which is kept until they are in the database.
  private var isCopy = false
  /// The process is about to end: the database shall have everything, and nobody be on its list.
  var isRetiring = false
  /// The database is about to end: until it has, shadows are no second place, so that this process may end as well.
  var isDatabaseEnding = false

  /// Where the drone's other loops see it, while it is served.
  private var place: SharedPartitions.Place?
  var counted = 0
  var footprint: Int { isCopy ? 0 : contents + reads.footprint }
  /// To be called with each heartbeat.
  func rest() { log.rest() }

  private var contents: Int { table.footprint + growth + history.footprint + log.footprint }
  /// What the writes under way will add to the table, at most: else there would be room for as many again as wait.
  private var growth = 0
  /// In the order of `QuotaBook.prefixes`; nil: not counted yet.
  var tallies: [Tally]?

  init(partition: Partition, token: FencingToken) {
    self.partition = partition
    self.token = token
    numbering = token
  }

  // MARK: Loading

  func finishLoading(sequence: UInt64, inSync: InSyncList, history: WriteHistory) {
    start(from: sequence, inSync: inSync)
    log = WriteLog(base: sequence)
    self.history = history
    // Only a promoted drone finds others on the list here: its own copy was behind the database.
    isRecovering = !inSync.holders.isEmpty
  }

  /// Takes over a copy of which the database has the records up to `sequence`.
  func promote(_ copy: PartitionCopy, sequence: UInt64, inSync: InSyncList) {
    start(from: sequence, inSync: inSync)
    table = copy.table
    history = copy.history
    log = copy.tail
    log.drop(through: sequence)
    numbering = copy.token
    applied = log.end
    secured = log.end
    told = log.end
    isRecovering = stored < log.end || !inSync.holders.isEmpty
    isCopy = isRecovering
    if !isRecovering { numbering = token }
  }

  private func start(from sequence: UInt64, inSync: InSyncList) {
    applied = sequence
    secured = sequence
    stored = sequence
    sent = sequence
    handed = sequence
    told = sequence
    confirmed = inSync
    requested = inSync
  }

  /// Everything that it had is stored, and nobody else is on the list.
  private func recoverIfDone() {
    guard isRecovering, stored == log.end, confirmed.holders.isEmpty, unconfirmed.isEmpty else { return }
    isRecovering = false
    isCopy = false
    numbering = token
  }

  // MARK: Other loops

  /// From now on the drone's other loops may read its table, until it is hidden.
  func show(in place: SharedPartitions.Place) {
    place.show(self)
    self.place = place
  }

  /// To be called before it is let go of.
  func hide() {
    place?.hide()
    place = nil
  }

  /// Changes the table or the lease, which other loops may be reading.
  @inline(__always)
  private func change(_ body: () -> Void) {
    if let place { place.change(body) } else { body() }
  }

  func lease(until end: Instant) { change { leaseEnd = max(leaseEnd, end) } }

  // MARK: Writes

  /// Queues a write behind those under way.
  func queue(_ record: LogRecordView, _ key: HashedKey, _ entry: WriteLog.Entry) {
    log.append(record, entry)
    growth += record.growth
    if entry.level == .durable { awaited = log.end }
    if !record.changesNothing { log[log.end].previous = pending.add(key, log.end) }
    history.begin(record, sequence: log.end)
  }

  /// Applies at once a write that waits for nobody, neither a second place nor others before it.
  func apply(_ record: LogRecordView, _ key: HashedKey, _ entry: WriteLog.Entry) {
    log.append(record, entry)
    applied = log.end
    enter(record, key, applied)
    history.complete(record, sequence: applied)
  }

  /// Brings a record into the table. What it overwrites there may be unsent.
  @inline(__always)
  private func enter(_ record: LogRecordView, _ key: HashedKey, _ sequence: UInt64) {
    var overwritten: UInt64 = 0
    change { overwritten = table.apply(record, key, Version(fence: token, sequence: sequence)) }
    if overwritten > sent { log.note(overwritten, overwrittenBy: sequence) }
  }

  /// The number of the newest write of a key that is not in the table.
  @inline(__always)
  func pendingSequence(of key: HashedKey) -> UInt64? { pending.sequence(of: key, in: log, applied: applied) }

  /// Calls `body` with the value that a key will have once the writes under way are in the table.
  @inline(__always)
  func withCurrentValue<Result>(of key: HashedKey, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
    guard let pending = pendingSequence(of: key) else { return table.withValue(of: key, body) }
    return log.withRecord(pending) { body($0.value) }
  }

  /// Lets the answer of a write under way go to whoever asked for it last; false when nobody can be told any more.
  func redirect(_ sequence: UInt64, to replyTo: ReplyAddress) -> Bool {
    guard log.contains(sequence) else { return false }
    log[sequence].replyTo = replyTo
    // Behind `told` nobody is looked for any more; what waits there waits for the database.
    told = min(told, sequence - 1)
    return true
  }

  /// Somebody waits until the database has this one.
  func await(_ sequence: UInt64) { awaited = max(awaited, sequence) }

  /// Whether writes have no second place but the database.
  var needsDatabase: Bool {
    isDatabaseEnding || confirmed.holders.isEmpty || unconfirmed.contains { $0.holders.isEmpty }
  }

  /// Every record up to this one is in a second place.
  private var placed: UInt64 {
    guard !needsDatabase else { return stored }
    var through = UInt64.max
    for holder in confirmed.holders { through = min(through, acknowledged(by: holder)) }
    for list in unconfirmed {
      for holder in list.holders { through = min(through, acknowledged(by: holder)) }
    }
    return max(stored, through)
  }

  private func acknowledged(by holder: Holder) -> UInt64 {
    streams.first { $0.holder == holder }?.confirmed ?? 0
  }

  /// Applies what has its second place, in order, and says whose writes are done, and whether the database has them.
  /// - Parameter done: answers whether he is told at once.
  func applyPlaced(
    _ done: (ReplyAddress, WriteLog.Entry, UInt64, _ outcome: Outcome, _ isStored: Bool) -> Bool
  ) {
    let through = min(placed, log.end)
    while applied < log.end {
      let next = applied + 1
      let entry = log[next]
      // Whoever waives the second place waits for those before him only.
      guard next <= through || entry.level == .memory else { break }
      applied = next
      if next <= through { secured = next }
      let outcome = apply(next)
      if let replyTo = entry.replyTo, entry.level != .durable {
        log[next].replyTo = nil
        if done(replyTo, entry, next, outcome, next <= stored) { log[next].isAcknowledged = true }
      }
    }
    // Also what waived its second place and has it by now: reads may tell of it as secured.
    secured = max(secured, min(through, applied))
    let last = min(applied, stored)
    told = max(told, log.base)
    while told < last {
      told += 1
      guard let replyTo = log[told].replyTo else { continue }
      log[told].replyTo = nil
      _ = done(replyTo, log[told], told, log.withRecord(told) { $0.outcome }, true)
    }
    release()
  }

  /// - Returns: what it came to.
  private func apply(_ sequence: UInt64) -> Outcome {
    log.withRecord(sequence) { record in
      let key = HashedKey(record.key)
      enter(record, key, sequence)
      growth -= record.growth
      pending.remove(key, sequence)
      history.complete(record, sequence: sequence)
      return record.outcome
    }
  }

  /// Lets go of the records that nobody needs any more.
  private func release() {
    var needed = min(applied, stored)
    for stream in streams where !isLetGo(stream) {
      if let after = stream.needsAfter { needed = min(needed, after) }
    }
    log.drop(through: needed)
  }

  /// Whether it has any record, here or in the database.
  var wasWritten: Bool { log.end > 0 }

  /// Records that are kept for shadows alone.
  var keptForShadows: Int { Int(clamping: min(applied, stored) - min(log.base, min(applied, stored))) }

  // MARK: The database

  /// The database has everything, and nobody is or may be on its list.
  var isAtRest: Bool { stored == log.end && confirmed.holders.isEmpty && unconfirmed.isEmpty }

  /// What a list of copies takes: three principals with their incarnations.
  private static let listLength = 832

  /// When the oldest record came that the database does not have.
  var unstoredSince: Instant? { stored < log.end ? log[stored + 1].since : nil }

  var hasUnsent: Bool { sent < log.end }

  /// Whether what the database is to be told is waited for, by a client or by the cluster.
  var isAwaited: Bool { isRecovering || isRetiring || awaited > sent || needsDatabase || wantsList }

  /// Whether the database is to be told something. Where a list has to wait for records they are unsent.
  var hasUnsaid: Bool { hasUnsent || wantsList }

  /// Whether the database is to be told of another list.
  var wantsList: Bool { listChange != nil }

  /// The list that is to be asked for; nil when the database has it.
  private var listChange: [Holder]? {
    guard !isListUnderWay else { return nil }
    let isUnresolved = requested.number > confirmed.number
    if !isUnresolved, namesAllThatFollow { return nil }
    let wanted = wantedHolders
    return wanted == (isUnresolved ? nil : confirmed.holders) ? nil : wanted
  }

  /// Whether the list may be stored behind the records that have been sent.
  ///
  /// One that names somebody may at any time: whoever comes on it has all that was acknowledged (`isInSync`), and whoever
  /// stays has that too, since what is acknowledged by copies is so by all on the list. One that names nobody lets the
  /// database be loaded, so it goes behind the last record that only copies have. What comes after it in this log is
  /// acknowledged by nobody but the database from now on (`needsDatabase`).
  private func mayBeStored(_ list: [Holder]) -> Bool { !list.isEmpty || sent >= secured }

  /// Whether this life of a drone may be on the list.
  func mayList(_ holder: Holder) -> Bool {
    confirmed.holders.contains(holder) || unconfirmed.contains { $0.holders.contains(holder) }
  }

  /// Whether any life of a drone may be on the list, but for one.
  func mayListLife(of drone: Principal, besides life: Holder?) -> Bool {
    func isMeant(_ holder: Holder) -> Bool { holder.principal == drone && holder != life }
    return confirmed.holders.contains(where: isMeant)
      || unconfirmed.contains { $0.holders.contains(where: isMeant) }
  }

  /// What the database is to be told next, as far as it fits; nil when not even one record does. Into the room of a
  /// whole append every record fits.
  /// - Parameter share: no more bytes of records than these, unless the first one alone is longer.
  func takeBatch(incarnation: Incarnation, room: inout Int, share: Int) -> PartitionBatch? {
    let first = sent + 1
    // Room for a list is kept before records take it: writes may wait for it. Not for one that has to wait for records
    // itself: the longest takes all the room that there is.
    let reserved = listChange.map(mayBeStored) ?? false ? min(room, Self.listLength) : 0
    room -= reserved
    let longest = min(room, max(share, log.contains(first) ? log[first].length : 0))
    var rest = longest
    let records = log.merged(after: sent, room: &rest)
    room -= longest - rest
    room += reserved
    sent += UInt64(records.count)
    handed = max(handed, sent)
    var list: InSyncList?
    if let wanted = listChange, mayBeStored(wanted), room >= Self.listLength {
      room -= Self.listLength
      let next = InSyncList(number: requested.number + 1, holders: wanted)
      requested = next
      unconfirmed.append(next)
      isListUnderWay = true
      list = next
    }
    guard !records.isEmpty || list != nil else { return nil }
    return PartitionBatch(
      partition: partition, token: token, incarnation: incarnation, numbering: numbering,
      firstSequence: first,
      records: records, inSync: list)
  }

  /// What was sent may be lost: it is sent again from the first one that is not known to be stored.
  func unsend() {
    sent = stored
    isListUnderWay = false
  }

  /// The database has the records up to this one, and the list, if one was sent with them.
  /// - Parameter body: for each record that it did not have before.
  func store(through sequence: UInt64, _ list: InSyncList?, _ body: (WriteLog.Entry) -> Void) {
    while stored < min(sequence, log.end) {
      stored += 1
      // Older ones may be gone: everybody else had them.
      if log.contains(stored) { body(log[stored]) }
    }
    sent = max(sent, stored)
    isListUnderWay = false
    if let list, list.number > confirmed.number {
      confirmed = list
      // Lists that were asked for before this one can no longer be stored.
      unconfirmed.removeAll { $0.number <= list.number }
    }
    recoverIfDone()
  }

  /// Who waited for this one is told before the database has it.
  func acknowledge(_ sequence: UInt64) {
    if log.contains(sequence) { log[sequence].isAcknowledged = true }
  }
}
