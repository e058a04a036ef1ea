import Cluster

/// The writes of a partition by who asked for them, so that a retry after a lost answer is answered and never
/// executed twice (as RIFL does it: Lee et al., SOSP 2015). Bounded: beyond it the answer is that the outcome
/// is unknown, never a guess.
///
/// The room is shared fairly among principals: whoever has most of it pays, so that nobody's writes make another's
/// retries unknown.
struct WriteHistory {
  private let bounds: HistoryBounds

  enum Past: Equatable {
    /// It was certainly not executed here before.
    case unseen
    /// It is under way, at this sequence number.
    case pending(UInt64)
    case done(existed: Bool?, sequence: UInt64)
    /// Its number was that of another write.
    case reused
    /// It may have been executed; nobody knows any more.
    case forgotten
  }

  private struct Name: Hashable {
    let client: ClientIncarnation
    let write: UInt64
  }

  private struct Entry {
    let past: Past
    let digest: UInt32?
  }

  /// What is kept of one principal.
  private struct Share {
    /// Settled writes, oldest first.
    var outcomes = Queue<WriteOutcome>()
    /// Those in `forgotten`, in the order in which they came.
    var clients = Queue<(client: ClientIncarnation, arrival: UInt64)>()
    /// Whether it had clients of which nothing is known any more.
    var isForgetful = false
  }

  private var entries: [Name: Entry] = [:]
  private var shares: [UInt64: Share] = [:]
  /// The highest dropped write of each client.
  private var forgotten: [ClientIncarnation: UInt64] = [:]
  private var outcomeCount = 0
  private var arrivals: UInt64 = 0
  /// Whether there were principals of which nothing is known any more.
  private(set) var isForgetful: Bool
  /// The last one that was settled.
  private var last: UInt64 = 0

  var footprint: Int {
    entries.count * Footprint.outcome + forgotten.count * Footprint.client
      + shares.count * Footprint.principal
  }

  init(
    _ bounds: HistoryBounds = HistoryBounds(), outcomes: [WriteOutcome] = [],
    forgotten: [ForgottenWrites] = [], isForgetful: Bool = false
  ) {
    self.bounds = bounds
    self.isForgetful = isForgetful
    for entry in forgotten { take(entry) }
    for outcome in outcomes.sorted(by: { $0.sequence < $1.sequence }) { settle(outcome) }
  }

  /// - Parameter digest: what is asked for; nil to be told of whatever had this number.
  func past(of write: UInt64, by client: ClientIncarnation, _ digest: UInt32? = nil) -> Past {
    if let entry = entries[Name(client: client, write: write)] {
      if let digest, let known = entry.digest, digest != known { return .reused }
      return entry.past
    }
    // A client numbers its writes upwards, so one above its highest dropped write was never dropped.
    if let highest = forgotten[client] { return write <= highest ? .forgotten : .unseen }
    return isForgetful(of: client.principalMark) ? .forgotten : .unseen
  }

  mutating func begin(_ record: LogRecord, sequence: UInt64) {
    entries[Name(client: record.client, write: record.write)] = Entry(
      past: .pending(sequence), digest: record.digest)
  }

  /// A record that is repeated to a copy is settled already, also if it has been dropped since: it would come back as the
  /// newest, and a client that had been forgotten would be known again by an older write than it has made.
  mutating func settle(_ outcome: WriteOutcome) {
    guard outcome.sequence > last else { return }
    last = outcome.sequence
    entries[Name(client: outcome.client, write: outcome.write)] = Entry(
      past: .done(existed: outcome.existed, sequence: outcome.sequence), digest: outcome.digest)
    shares[outcome.client.principalMark, default: Share()].outcomes.append(outcome)
    outcomeCount += 1
    if outcomeCount > bounds.outcomes { dropOutcome() }
  }

  // MARK: What another history is made of

  /// Settled writes in order.
  var outcomes: [WriteOutcome] {
    shares.values.flatMap { Array($0.outcomes) }.sorted { $0.sequence < $1.sequence }
  }

  /// In order of client.
  var forgottenWrites: [ForgottenWrites] {
    let others = shares.filter { $0.value.isForgetful }.keys.map {
      ForgottenWrites(client: .others(of: $0), write: .max)
    }
    return (forgotten.map { ForgottenWrites(client: $0.key, write: $0.value) } + others)
      .sorted { ($0.client.high, $0.client.low) < ($1.client.high, $1.client.low) }
  }

  private mutating func take(_ entry: ForgottenWrites) {
    if entry.client == .everybody {
      isForgetful = true
    } else if entry.client.isOthers {
      shares[entry.client.principalMark, default: Share()].isForgetful = true
    } else {
      remember(entry.client)
      forgotten[entry.client] = entry.write
    }
  }

  // MARK: Forgetting

  private func isForgetful(of mark: UInt64) -> Bool { isForgetful || shares[mark]?.isForgetful ?? false }

  /// The principal that has most of something, and of these the one that has something the longest.
  private func greediest(_ count: (Share) -> Int, _ oldest: (Share) -> UInt64?) -> UInt64? {
    #if KEYVAL_MUTATIONS
      if bounds.isUnfair { return shares.min { oldest($0.value) ?? .max < oldest($1.value) ?? .max }?.key }
    #endif
    return shares.max { left, right in
      let (most, fewer) = (count(left.value), count(right.value))
      return most == fewer
        ? (oldest(left.value) ?? .max) > (oldest(right.value) ?? .max) : most < fewer
    }?.key
  }

  private mutating func dropOutcome() {
    guard let mark = greediest({ $0.outcomes.count }, { $0.outcomes.first?.sequence }),
      let oldest = shares[mark]?.outcomes.popFirst()
    else { return }
    outcomeCount -= 1
    entries[Name(client: oldest.client, write: oldest.write)] = nil
    if let highest = forgotten[oldest.client] {
      forgotten[oldest.client] = max(highest, oldest.write)
    } else {
      remember(oldest.client)
      // It may be one of those: then it may have made any write, since a client's are not always dropped in order.
      forgotten[oldest.client] = isForgetful(of: mark) ? .max : oldest.write
    }
    tidy(mark)
  }

  /// Makes room for one more client of which there are dropped writes.
  private mutating func remember(_ client: ClientIncarnation) {
    arrivals += 1
    shares[client.principalMark, default: Share()].clients.append((client, arrivals))
    guard forgotten.count >= bounds.clients,
      let mark = greediest({ $0.clients.count }, { $0.clients.first?.arrival }),
      let oldest = shares[mark]?.clients.popFirst()
    else { return }
    // From now on an unknown client's retry is doubtful.
    forgotten[oldest.client] = nil
    shares[mark]?.isForgetful = true
    tidy(mark)
  }

  private mutating func tidy(_ mark: UInt64) {
    guard let share = shares[mark], share.outcomes.isEmpty, share.clients.isEmpty else { return }
    if !share.isForgetful {
      shares[mark] = nil
    } else if shares.count > bounds.outcomes + 2 * bounds.clients {
      // Too many principals of which nothing but that is known.
      isForgetful = true
      shares = shares.filter { !$0.value.outcomes.isEmpty || !$0.value.clients.isEmpty }
    }
  }
}

/// First in, first out.
private struct Queue<Element>: Sequence {
  private var items: [Element] = []
  private var head = 0

  var count: Int { items.count - head }
  var isEmpty: Bool { head == items.count }
  var first: Element? { isEmpty ? nil : items[head] }

  mutating func append(_ element: Element) { items.append(element) }

  mutating func popFirst() -> Element? {
    guard let first else { return nil }
    head += 1
    // Seldom enough that an element is moved once, about.
    if head * 2 > items.count {
      items.removeFirst(head)
      head = 0
    }
    return first
  }

  func makeIterator() -> ArraySlice<Element>.Iterator { items[head...].makeIterator() }
}
