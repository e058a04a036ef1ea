import Cluster

/// The writes of a partition by who asked for them, so that a retry after a lost answer is answered and never
/// executed twice (as RIFL does it: Lee et al., SOSP 2015). Bounded: beyond it the answer is that the outcome
/// is unknown, never a guess.
struct WriteHistory {
  private let bounds: HistoryBounds

  enum Past: Equatable {
    /// It was certainly not executed here before.
    case unseen
    /// It is under way, at this sequence number.
    case pending(UInt64)
    case done(existed: Bool?, sequence: UInt64)
    /// It may have been executed; nobody knows any more.
    case forgotten
  }

  private struct Name: Hashable {
    let client: ClientIncarnation
    let write: UInt64
  }

  private var pasts: [Name: Past] = [:]
  /// Settled writes, oldest first from `head` on, as a ring.
  private var ring: [WriteOutcome] = []
  private var head = 0
  private var forgotten: [ClientIncarnation: UInt64] = [:]
  /// The clients of `forgotten` in the order in which they came, from `firstClient` on, as a ring.
  private var clients: [ClientIncarnation] = []
  private var firstClient = 0
  private var isClientForgotten = false
  /// The last one that was settled.
  private var last: UInt64 = 0

  /// - Parameter isForgetful: whether there were clients of whose writes nothing is known any more.
  init(
    _ bounds: HistoryBounds = HistoryBounds(), outcomes: [WriteOutcome] = [],
    forgotten: [ForgottenWrites] = [], isForgetful: Bool = false
  ) {
    self.bounds = bounds
    isClientForgotten = isForgetful
    for entry in forgotten { forget(entry.client, entry.write) }
    for outcome in outcomes.sorted(by: { $0.sequence < $1.sequence }) { settle(outcome) }
  }

  func past(of write: UInt64, by client: ClientIncarnation) -> Past {
    if let past = pasts[Name(client: client, write: write)] { return past }
    // A client numbers its writes upwards, so one above its highest dropped write was never dropped.
    if let highest = forgotten[client] { return write <= highest ? .forgotten : .unseen }
    return isClientForgotten ? .forgotten : .unseen
  }

  mutating func begin(_ write: UInt64, by client: ClientIncarnation, sequence: UInt64) {
    pasts[Name(client: client, write: write)] = .pending(sequence)
  }

  /// A record that is repeated to a copy is settled already, also if it has been dropped since: it would come back as the
  /// newest, and a client that had been forgotten would be known again by an older write than it has made.
  mutating func settle(_ outcome: WriteOutcome) {
    guard outcome.sequence > last else { return }
    last = outcome.sequence
    let name = Name(client: outcome.client, write: outcome.write)
    pasts[name] = .done(existed: outcome.existed, sequence: outcome.sequence)
    guard ring.count == bounds.outcomes else {
      ring.append(outcome)
      return
    }
    let oldest = ring[head]
    pasts[Name(client: oldest.client, write: oldest.write)] = nil
    forget(oldest.client, oldest.write)
    ring[head] = outcome
    head = (head + 1) % bounds.outcomes
  }

  // What another history is made of.
  /// Settled writes in order.
  var outcomes: [WriteOutcome] { Array(ring[head...] + ring[..<head]) }
  /// In order of client.
  var forgottenWrites: [ForgottenWrites] {
    forgotten.map { ForgottenWrites(client: $0.key, write: $0.value) }
      .sorted { ($0.client.high, $0.client.low) < ($1.client.high, $1.client.low) }
  }
  var isForgetful: Bool { isClientForgotten }

  private mutating func forget(_ client: ClientIncarnation, _ write: UInt64) {
    if let highest = forgotten[client] {
      forgotten[client] = max(highest, write)
      return
    }
    if clients.count < bounds.clients {
      clients.append(client)
    } else {
      // From now on an unknown client's retry is doubtful.
      isClientForgotten = true
      forgotten[clients[firstClient]] = nil
      clients[firstClient] = client
      firstClient = (firstClient + 1) % bounds.clients
    }
    // It may be one of those: then it may have made any write, since a client's are not always dropped in order.
    forgotten[client] = isClientForgotten ? .max : write
  }
}
