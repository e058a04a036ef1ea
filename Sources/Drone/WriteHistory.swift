import Cluster

/// The writes of a partition by who asked for them, so that a retry after a lost answer is answered and never
/// executed twice (as RIFL does it: Lee et al., SOSP 2015). Bounded: beyond it the answer is that the outcome
/// is unknown, never a guess.
///
/// The room is shared fairly among principals: whoever has most of it pays, so that nobody's writes make another's
/// retries unknown.
///
/// A write is a few words in a ring (`RememberedWrites`), first those that are completed, then those under way; a client
/// is a few words in an array.
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
    /// How many of its writes are remembered.
    var writes: Int32 = 0
    /// The highest number of a write that is or was remembered.
    var highest: UInt64 = 0
    /// Of that number and the 63 below it, lowest bit first: whether such a write is or was remembered.
    var window: UInt64 = 0
    /// The highest one that was dropped; nil where none was, or where that is not known any more.
    var dropped: UInt64?

    var mark: UInt64 { client.principalMark }

    init(_ client: ClientIncarnation, share: Int32) {
      self.client = client
      self.share = share
    }

    mutating func add(_ number: UInt64) {
      writes += 1
      if number > highest {
        let rise = number - highest
        window = rise < 64 ? window << rise : 0
        highest = number
      }
      if highest - number < 64 { window |= 1 << (highest - number) }
    }

    /// Whether a write of this number may be remembered. Of a new one it is said in no time that it is not, in whatever
    /// order a client's sessions bring its last ones.
    func mayHave(_ number: UInt64) -> Bool {
      guard number <= highest, writes > 0 else { return false }
      return highest - number >= 64 || window & 1 << (highest - number) != 0
    }
  }

  /// What is kept of one principal.
  private struct Share {
    let mark: UInt64
    /// How many of its writes are completed. (Those under way come behind all of these.)
    var completed = 0
    /// None of them has a place before this one.
    var oldest = 0
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
  private var places = PlaceIndex()
  /// Who was looked for last: as a rule he is the next, too.
  private var recent: (client: ClientIncarnation, place: Int32)?
  private var shares = Slots<Share>()
  private var sharePlaces: [UInt64: Int32] = [:]
  /// The place of the first one under way.
  private var firstPending = 0
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
    // Who sends them sends them in order, or else pays for it.
    let isInOrder = zip(past.outcomes, past.outcomes.dropFirst()).allSatisfy { $0.sequence <= $1.sequence }
    let outcomes = isInOrder ? past.outcomes : past.outcomes.sorted { $0.sequence < $1.sequence }
    for outcome in outcomes { complete(outcome) }
  }

  // MARK: Asking

  /// - Parameter digest: what is asked for; nil to be told of whatever had this number.
  func past(of write: UInt64, by client: ClientIncarnation, _ digest: UInt32? = nil) -> Past {
    guard let place = find(client) else {
      return isForgetful(of: sharePlaces[client.principalMark]) ? .forgotten : .unseen
    }
    return past(of: write, at: place, digest)
  }

  private func past(of write: UInt64, at place: Int32, _ digest: UInt32?) -> Past {
    if clients[place].mayHave(write),
      let found = writes.last(of: place, number: write, most: Int(clients[place].writes))
    {
      let entry = writes[found]
      if let digest, let other = entry.digest, digest != other { return .reused }
      return found >= firstPending
        ? .pending(entry.sequence) : .done(entry.outcome, sequence: entry.sequence)
    }
    // A client numbers its writes upwards, so one above its highest dropped write was never dropped.
    if let dropped = clients[place].dropped { return write <= dropped ? .forgotten : .unseen }
    return isForgetful(of: clients[place].share) ? .forgotten : .unseen
  }

  private func isForgetful(of share: Int32?) -> Bool {
    isForgetful || share.map { shares[$0].isForgetful } ?? false
  }

  // MARK: Writes

  /// A write is under way, behind all others.
  mutating func begin(_ record: LogRecordView, sequence: UInt64) {
    remember(record.write, sequence, record.digest, record.outcome, of: record.client)
  }

  /// The write under way that is the oldest has its second place.
  mutating func complete(_ record: LogRecordView, sequence: UInt64) {
    if completePending(sequence) { return }
    complete(
      WriteOutcome(
        client: record.client, write: record.write, sequence: sequence, outcome: record.outcome,
        digest: record.digest))
  }

  /// A record that is repeated to a copy is completed already, also if it has been dropped since: it would come back as the
  /// newest, and a client that had been forgotten would be known again by an older write than it has made.
  mutating func complete(_ outcome: WriteOutcome) {
    guard outcome.sequence > last, !completePending(outcome.sequence) else { return }
    last = outcome.sequence
    remember(outcome.write, outcome.sequence, outcome.digest, outcome.outcome, of: outcome.client)
    writes.moveLast(to: firstPending)
    countCompleted()
  }

  /// - Returns: whether the oldest one under way is of this record; then it is completed.
  @inline(__always)
  private mutating func completePending(_ sequence: UInt64) -> Bool {
    guard firstPending < writes.end, writes[firstPending].sequence == sequence else { return false }
    last = sequence
    countCompleted()
    return true
  }

  private mutating func remember(
    _ number: UInt64, _ sequence: UInt64, _ digest: UInt32?, _ outcome: Outcome,
    of client: ClientIncarnation
  ) {
    let place = place(of: client)
    clients[place].add(number)
    writes.append(
      RememberedWrites.Entry(
        number: number, sequence: sequence, digest: digest, outcome: outcome, client: place))
  }

  /// The first one under way is completed.
  private mutating func countCompleted() {
    let share = clients[writes[firstPending].client].share
    firstPending += 1
    shares[share].completed += 1
    completedCount += 1
    if completedCount > bounds.outcomes { dropOldest() }
  }

  // MARK: Clients and principals

  /// The same as `past`, of a client of whom more will be asked: it is looked for once. In place: a history that is read
  /// where it may be changed is copied first, which takes as long as all else.
  mutating func lookUp(_ write: UInt64, of client: ClientIncarnation, _ digest: UInt32?) -> Past {
    guard let place = find(client) else { return past(of: write, by: client, digest) }
    recent = (client, place)
    return past(of: write, at: place, digest)
  }

  @inline(__always)
  private func find(_ client: ClientIncarnation) -> Int32? {
    if let recent, recent.client == client { return recent.place }
    return places.find(client) { clients[$0].client }
  }

  private mutating func place(of client: ClientIncarnation) -> Int32 {
    if let place = find(client) { return place }
    let share = sharePlace(of: client.principalMark)
    shares[share].clients += 1
    let place = clients.add(Client(client, share: share))
    places.add(place) { clients[$0].client }
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
    guard client.writes == 0, client.dropped == nil else { return }
    places.remove(place) { clients[$0].client }
    clients.remove(place)
    if recent?.place == place { recent = nil }
    shares[client.share].clients -= 1
  }

  // MARK: What another history is made of

  /// What is known of completed writes.
  var past: PastWrites { PastWrites(outcomes: outcomes, gaps: gaps) }

  private var outcomes: [WriteOutcome] {
    (writes.start..<firstPending).lazy.map { writes[$0] }.filter { !$0.isVoid }.map { entry in
      WriteOutcome(
        client: clients[entry.client].client, write: entry.number, sequence: entry.sequence,
        outcome: entry.outcome, digest: entry.digest)
    }
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
    guard let place = oldestOfGreediest(), place < firstPending else { return }
    let entry = writes[place]
    let share = clients[entry.client].share
    writes.remove(place)
    clients[entry.client].writes -= 1
    shares[share].completed -= 1
    completedCount -= 1
    // It may be one of those that are not known; then it may have made any write, since a client's are not always
    // dropped in order.
    let unknown = clients[entry.client].dropped == nil && isForgetful(of: share)
    setDropped(unknown ? .max : entry.number, of: entry.client)
    tidy(share)
    if writes.isSparse { compact() }
  }

  /// The place of what the principal has had longest that has most.
  private mutating func oldestOfGreediest() -> Int? {
    guard shares.count > 1 else { return writes.start }
    shares.updateAll { share in
      guard share.completed > 0 else { return }
      share.oldest = max(share.oldest, writes.start)
      while writes[share.oldest].isVoid || clients[writes[share.oldest].client].mark != share.mark {
        share.oldest += 1
      }
    }
    let greediest = greediest({ $0.completed }, { $0.completed > 0 ? UInt64($0.oldest) : nil })
    return greediest.map { shares[$0].oldest }
  }

  private mutating func compact() {
    let (start, pending) = (writes.start, writes.end - firstPending)
    writes.compact()
    firstPending = writes.end - pending
    shares.updateAll { $0.oldest = start }
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
    if let place = find(oldest.client) {
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
