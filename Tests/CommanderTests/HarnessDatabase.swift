import Cluster

/// A database in miniature: the stored term, the sealing keys, and a fence for each partition.
final class HarnessDatabase {
  private unowned let harness: ClusterHarness
  private(set) var term = Term.none
  private(set) var fences: [Partition: PartitionFence] = [:]
  private var keys: [UInt64: (term: Term, key: SealingKey)] = [:]

  init(_ harness: ClusterHarness) { self.harness = harness }

  private func send(_ message: ControlMessage, as sender: Principal, to peer: Principal) {
    harness.send(message, from: .database, as: sender, to: peer)
  }

  func tick() {
    let register = Register(
      incarnation: Incarnation(1), endpoint: HarnessNames.node(HarnessNames.database).endpoint,
      membership: .max)
    send(.register(register), as: HarnessNames.database, to: HarnessNames.authority)
  }

  func receive(_ message: ControlMessage, from peer: Principal) {
    switch message {
    case .raiseTerm(let raise):
      term = max(term, raise.term)
      send(.termRaised(TermRaised(term: term)), as: HarnessNames.database, to: peer)
    case .deliverKey(let delivery):
      guard delivery.term == term, let key = SealingKey(identifier: delivery.identifier, key: delivery.key)
      else { return }
      keys[delivery.identifier] = (term, key)
      let stored = KeyStored(term: term, identifier: delivery.identifier)
      send(.keyStored(stored), as: HarnessNames.command, to: peer)
    case .keyStored(let ping):
      guard ping.term == term, keys[ping.identifier] != nil else { return }
      send(.keyStored(ping), as: HarnessNames.command, to: peer)
    case .fenceQuestion(let question):
      guard question.term == term else { return }
      let stored = fences.keys.sorted().compactMap { partition in
        fences[partition].map { StoredFence(partition, $0) }
      }
      send(.fences(Fences(term: term, stored: stored)), as: HarnessNames.command, to: peer)
    default: break
    }
  }

  /// What was opened, with the sequence numbers that were loaded.
  func open(_ answer: GrantAnswer, by drone: Principal) -> [Partition: UInt64] {
    guard answer.grant.term == term, let key = keys[answer.grant.keyIdentifier], key.term == term,
      answer.grant.drone == drone, answer.grant.database == HarnessNames.database,
      let grant = try? answer.grant.opened(with: key.key)
    else { return [:] }
    var opened: [Partition: UInt64] = [:]
    for partition in answer.partitions where grant.partitions.contains(partition) {
      switch PartitionFence.opening(
        fences[partition], token: grant.token, holder: drone, incarnation: grant.incarnation,
        mode: grant.mode == .acceptLoss ? .acceptLoss : .load)
      {
      case .raised(let fence):
        fences[partition] = fence
        opened[partition] = fence.sequence
      case .repeated(let fence): opened[partition] = fence.sequence
      case .fenced, .copiesElsewhere, .notInSync: break
      }
    }
    return opened
  }

  func append(_ batch: PartitionBatch, by drone: Principal) -> StoreAnswer.AppendResult {
    switch PartitionFence.admission(batch, from: drone, stored: fences[batch.partition]) {
    case .store(_, let through):
      fences[batch.partition]?.sequence = through
      return .stored(through: through)
    case .stored(let through): return .stored(through: through)
    case .fenced(let token): return .fenced(by: token)
    case .gap(let stored): return .gap(stored: stored)
    }
  }
}
