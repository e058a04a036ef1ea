import Cluster

/// The writes of a partition by who asked for them, so that a retry after a lost answer is answered and never
/// executed twice (as RIFL does it: Lee et al., SOSP 2015). Bounded: beyond it the answer is that the outcome
/// is unknown, never a guess.
///
/// The room is shared fairly among principals: whoever has most of it pays, so that nobody's writes make another's
/// retries unknown.
///
/// A write is a few words in one array (`RememberedWrites`), a client a few words in another; both are chained by number.
struct WriteHistory {
  enum Past: Equatable {
    /// It was certainly not executed here before.
    case unseen
    /// It is under way, at this sequence number.
    case pending(UInt64)
    case done(Outcome, sequence: UInt64)
    /// Its number was that of another write.
    case reused
    /// It may have been executed; nobody knows any more.
    case forgotten
  }

  /// One life of a client.
  private struct Client {
    let client: ClientIncarnation
    /// The place of its principal.
    let share: Int32
    /// Its writes that are remembered.
    var writes = RememberedWrites.Chain()
    /// The highest number of a write that is or was remembered.
    var highest: UInt64
    /// The highest one that was dropped; nil where none was, or where that is not known any more.
    var dropped: UInt64?
  }

  /// What is kept of one principal.
  private struct Share {
    let mark: UInt64
    /// Its writes, oldest first: first those that are completed, then those under way.
    var writes = RememberedWrites.Chain()
    /// Of these, how many are completed.
    var completed = 0
    /// Those with dropped writes, in the order in which they came.
    var forgotten = Queue<(client: ClientIncarnation, arrival: UInt64)>()
    /// Whether it had clients of which nothing is known any more.
    var isForgetful = false
    /// Clients that it has here.
    var clients = 0

    /// Nothing is left of it but perhaps that it has been forgotten in part.
    var isEmpty: Bool { clients == 0 && forgotten.isEmpty }
  }

  private let bounds: HistoryBounds
  private var writes = RememberedWrites()
  private var clients = Slots<Client>()
  private var places: [ClientIncarnation: Int32] = [:]
  /// Who was looked for last: as a rule he is the next, too.
  private var recent: (client: ClientIncarnation, place: Int32)?
  private var shares = Slots<Share>()
  private var sharePlaces: [UInt64: Int32] = [:]
  /// Those under way, oldest first.
  private var pending = Queue<Int32>()
  private var completedCount = 0
  /// Clients with dropped writes.
  private var forgottenCount = 0
  private var arrivals: UInt64 = 0
  /// Whether there were principals of which nothing is known any more.
  private var isForgetful = false
  /// The last one that was completed.
  private var last: UInt64 = 0

  @inline(__always)
  var footprint: Int {
    writes.count * Footprint.outcome + clients.count * Footprint.client + shares.count * Footprint.principal
  }

  init(_ bounds: HistoryBounds = HistoryBounds(), _ past: PastWrites = PastWrites()) {
    self.bounds = bounds
    for gap in past.gaps { note(gap) }
    for outcome in past.outcomes.sorted(by: { $0.sequence < $1.sequence }) { complete(outcome) }
  }

  // MARK: Asking

  /// - Parameter digest: what is asked for; nil to be told of whatever had this number.
  func past(of write: UInt64, by client: ClientIncarnation, _ digest: UInt32? = nil) -> Past {
    guard let place = recent?.client == client ? recent?.place : places[client] else {
      return isForgetful(of: sharePlaces[client.principalMark]) ? .forgotten : .unseen
    }
    let known = clients[place]
    // As a rule a new write has a higher number than any before.
    if write <= known.highest, let index = writes.last(of: known.writes, number: write) {
      let entry = writes[index]
      if let digest, let other = entry.digest, digest != other { return .reused }
      return entry.isPending
        ? .pending(entry.sequence) : .done(entry.outcome, sequence: entry.sequence)
    }
    // A client numbers its writes upwards, so one above its highest dropped write was never dropped.
    if let dropped = known.dropped { return write <= dropped ? .forgotten : .unseen }
    return isForgetful(of: known.share) ? .forgotten : .unseen
  }

  private func isForgetful(of share: Int32?) -> Bool {
    isForgetful || share.map { shares[$0].isForgetful } ?? false
  }

  // MARK: Writes

  /// A write is under way, behind all others.
  mutating func begin(_ record: LogRecordView, sequence: UInt64) {
    let entry = RememberedWrites.Entry(
      number: record.write, sequence: sequence, digest: record.digest, outcome: record.outcome,
      isPending: true)
    pending.append(remember(entry, of: record.client))
  }

  /// The write under way that is the oldest has its second place.
  mutating func complete(_ record: LogRecordView, sequence: UInt64) {
    guard let index = pending.first, writes[index].sequence == sequence else {
      return complete(
        WriteOutcome(
          client: record.client, write: record.write, sequence: sequence, outcome: record.outcome,
          digest: record.digest))
    }
    _ = pending.popFirst()
    last = sequence
    writes[index].isPending = false
    countCompleted(clients[writes[index].client].share)
  }

  /// A record that is repeated to a copy is completed already, also if it has been dropped since: it would come back as the
  /// newest, and a client that had been forgotten would be known again by an older write than it has made.
  mutating func complete(_ outcome: WriteOutcome) {
    guard outcome.sequence > last else { return }
    last = outcome.sequence
    if let index = pending.first, writes[index].sequence == outcome.sequence {
      _ = pending.popFirst()
      writes[index].isPending = false
      return countCompleted(clients[writes[index].client].share)
    }
    let entry = RememberedWrites.Entry(
      number: outcome.write, sequence: outcome.sequence, digest: outcome.digest, outcome: outcome.outcome,
      isPending: false)
    countCompleted(clients[writes[remember(entry, of: outcome.client)].client].share)
  }

  private mutating func remember(_ entry: RememberedWrites.Entry, of client: ClientIncarnation) -> Int32 {
    let place = place(of: client)
    var entry = entry
    entry.client = place
    let index = writes.add(entry)
    writes.append(index, to: &clients[place].writes, by: .client)
    clients[place].highest = max(clients[place].highest, entry.number)
    writes.append(index, to: &shares[clients[place].share].writes, by: .principal)
    return index
  }

  private mutating func countCompleted(_ share: Int32) {
    shares[share].completed += 1
    completedCount += 1
    if completedCount > bounds.outcomes { dropOldest() }
  }

  // MARK: Clients and principals

  /// The same as `past`, of a client of whom more will be asked: it is looked for once. In place: a history that is read
  /// where it may be changed is copied first, which takes as long as all else.
  mutating func lookUp(_ write: UInt64, of client: ClientIncarnation, _ digest: UInt32?) -> Past {
    _ = find(client)
    return past(of: write, by: client, digest)
  }

  private mutating func find(_ client: ClientIncarnation) -> Int32? {
    if let recent, recent.client == client { return recent.place }
    guard let place = places[client] else { return nil }
    recent = (client, place)
    return place
  }

  private mutating func place(of client: ClientIncarnation) -> Int32 {
    if let place = find(client) { return place }
    let share = sharePlace(of: client.principalMark)
    shares[share].clients += 1
    let place = clients.add(Client(client: client, share: share, highest: 0))
    places[client] = place
    recent = (client, place)
    return place
  }

  private mutating func sharePlace(of mark: UInt64) -> Int32 {
    if let place = sharePlaces[mark] { return place }
    let place = shares.add(Share(mark: mark))
    sharePlaces[mark] = place
    return place
  }

  /// Nothing is known of it any more.
  private mutating func removeIfEmpty(_ place: Int32) {
    let client = clients[place]
    guard client.writes.isEmpty, client.dropped == nil else { return }
    clients.remove(place)
    places[client.client] = nil
    if recent?.place == place { recent = nil }
    shares[client.share].clients -= 1
  }

  // MARK: What another history is made of

  /// What is known of completed writes.
  var past: PastWrites { PastWrites(outcomes: outcomes, gaps: gaps) }

  private var outcomes: [WriteOutcome] {
    var outcomes: [WriteOutcome] = []
    shares.visit { _, share in
      writes.forEach(of: share.writes, by: .principal) { entry in
        guard !entry.isPending else { return }
        outcomes.append(
          WriteOutcome(
            client: clients[entry.client].client, write: entry.number, sequence: entry.sequence,
            outcome: entry.outcome, digest: entry.digest))
      }
    }
    return outcomes.sorted { $0.sequence < $1.sequence }
  }

  private var gaps: [HistoryGap] {
    var gaps: [HistoryGap] = isForgetful ? [.anybody] : []
    clients.visit { _, client in
      if let dropped = client.dropped { gaps.append(.writes(client.client, through: dropped)) }
    }
    shares.visit { _, share in if share.isForgetful { gaps.append(.clients(of: share.mark)) } }
    return gaps.sorted()
  }

  private mutating func note(_ gap: HistoryGap) {
    switch gap {
    case .anybody: isForgetful = true
    case .clients(let principal): shares[sharePlace(of: principal)].isForgetful = true
    case .writes(let client, let number): setDropped(number, of: place(of: client))
    }
  }

  // MARK: Forgetting

  /// The principal that has most of something, and of these the one that has something the longest.
  private func greediest(_ count: (Share) -> Int, _ oldest: (Share) -> UInt64?) -> Int32? {
    var found: (place: Int32, count: Int, oldest: UInt64)?
    shares.visit { place, share in
      let (count, oldest) = (count(share), oldest(share) ?? .max)
      if let best = found, count < best.count || count == best.count && oldest >= best.oldest { return }
      found = (place, count, oldest)
    }
    return found?.place
  }

  private mutating func dropOldest() {
    let greediest = greediest({ $0.completed }, { $0.writes.first.map { writes[$0].sequence } })
    guard let share = greediest, let index = shares[share].writes.first, !writes[index].isPending else {
      return
    }
    let entry = writes[index]
    writes.removeFirst(of: &shares[share].writes, by: .principal)
    // Those of a client are in the same order, so it is the first of these, too.
    writes.removeFirst(of: &clients[entry.client].writes, by: .client)
    writes.free(index)
    shares[share].completed -= 1
    completedCount -= 1
    // It may be one of those that are not known; then it may have made any write, since a client's are not always
    // dropped in order.
    let unknown = clients[entry.client].dropped == nil && isForgetful(of: share)
    setDropped(unknown ? .max : entry.number, of: entry.client)
    tidy(share)
  }

  /// So high a number of a client's writes was dropped.
  private mutating func setDropped(_ number: UInt64, of place: Int32) {
    if let dropped = clients[place].dropped {
      clients[place].dropped = max(dropped, number)
      return
    }
    arrivals += 1
    let client = clients[place]
    shares[client.share].forgotten.append((client.client, arrivals))
    clients[place].dropped = number
    forgottenCount += 1
    if forgottenCount > bounds.clients { forgetClient() }
  }

  /// Of one client nothing but its remembered writes is known any more: an unknown one's retry is doubtful from now on.
  private mutating func forgetClient() {
    guard let share = greediest({ $0.forgotten.count }, { $0.forgotten.first?.arrival }),
      let oldest = shares[share].forgotten.popFirst()
    else { return }
    forgottenCount -= 1
    shares[share].isForgetful = true
    if let place = places[oldest.client] {
      clients[place].dropped = nil
      removeIfEmpty(place)
    }
    tidy(share)
  }

  private mutating func tidy(_ place: Int32) {
    let share = shares[place]
    guard share.isEmpty else { return }
    if !share.isForgetful {
      removeShare(place)
    } else if shares.count > bounds.outcomes + 2 * bounds.clients {
      // Too many principals of which nothing but that is known.
      isForgetful = true
      var empty: [Int32] = []
      shares.visit { place, share in if share.isEmpty { empty.append(place) } }
      for place in empty { removeShare(place) }
    }
  }

  private mutating func removeShare(_ place: Int32) {
    sharePlaces[shares[place].mark] = nil
    shares.remove(place)
  }
}
