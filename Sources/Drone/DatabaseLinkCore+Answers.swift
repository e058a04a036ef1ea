import Cluster

/// What the database has answered.
extension DatabaseLinkCore {
  mutating func receive(_ answer: StoreAnswer, _ data: inout DataCore, _ now: Instant) {
    hasAnswers = true
    switch answer {
    case .contents(let number, let partition, let entries):
      guard let opening = openings[number] else { return }
      if data.load(entries, into: partition, token: opening.token) { return }
      finish(number, [partition])
      refuse([partition], opening.token, .noRoom, &data)
    case .opened(let number, let partition, let sequence, let inSync, let past):
      guard let opening = openings[number], opening.partitions.contains(partition) else { return }
      finish(number, [partition])
      let result = data.finishLoading(
        partition, token: opening.token, sequence: sequence, inSync: inSync, past: past)
      if result == .ready { opened[opening.token, default: []].insert(partition) }
    case .promoted(let number, let partition, let sequence, let inSync):
      guard let opening = openings[number], opening.partitions.contains(partition) else { return }
      finish(number, [partition])
      switch data.promote(partition, token: opening.token, sequence: sequence, inSync: inSync) {
      case .ready: opened[opening.token, default: []].insert(partition)
      case .isBehind: dueLoads.add(partition, number, opening.answer)
      case .unknown: give(up: [partition], opening.token, &data)
      case .isIncomplete:
        actions.append(.note(.incomplete(partition)))
        refuse([partition], opening.token, .notInSync, &data)
      case .recovering: break
      }
      load(after: number, now)
    case .openRefused(let number, let partitions, let refusal, let reason):
      guard let opening = openings[number] else { return }
      actions.append(.note(.refused(partitions, reason: reason)))
      let given = opening.partitions.intersection(partitions)
      finish(number, given)
      refuse(given, opening.token, refusal, &data)
      load(after: number, now)
    case .appended(let number, _) where number == probeNumber: probeNumber = nil
    case .appendFailed(let number, _) where number == probeNumber: probeNumber = nil
    case .appended(let number, let results):
      guard appendNumber == number else { return }
      appendNumber = nil
      complaint = nil
      let before = data.backlog
      let outcome = data.appended(results)
      data.pace.answered(bytes: before - data.backlog, now: now)
      complete(outcome.completions + data.release(now, timing: timing))
      for holding in outcome.lost { lost[holding.token, default: []].formUnion(holding.partitions) }
      for holding in outcome.recovered {
        opened[holding.token, default: []].formUnion(holding.partitions)
      }
    case .appendFailed(let number, let reason):
      guard appendNumber == number else { return }
      appendNumber = nil
      complaint = reason
      awaitsRetry = true
      actions += [.note(.notStored(reason: reason)), .retry(after: Self.retryPause)]
    case .receipt(let newer):
      // A store that is behind gives lower ones.
      if let receipt, receipt.mark.identity == newer.mark.identity, receipt.mark.commit > newer.mark.commit {
        break
      }
      receipt = newer
    case .ending:
      data.heedEnding()
      actions.append(.note(.ending))
    }
  }

  mutating func complete(_ completions: [DataCore.Completion]) {
    if !completions.isEmpty { actions.append(.complete(completions)) }
  }

  private mutating func finish(_ number: UInt64, _ partitions: PartitionSet) {
    openings[number]?.partitions.subtract(partitions)
    if openings[number]?.partitions.isEmpty == true { openings[number] = nil }
  }

  /// Once all that was to be promoted together has been answered.
  private mutating func load(after number: UInt64, _ now: Instant) {
    guard openings[number] == nil, let due = dueLoads.take(number) else { return }
    ask(due.answer, due.partitions, copy: nil, now)
  }

  mutating func give(up partitions: PartitionSet, _ token: FencingToken, _ data: inout DataCore) {
    data.abandonLoading(partitions, token: token)
    lost[token, default: []].formUnion(partitions)
  }

  mutating func reportChanges() {
    for token in opened.keys.sorted() { actions.append(.report(.opened(opened[token] ?? [], token))) }
    for refusal in OpenRefusal.allCases {
      for (token, partitions) in (refused[refusal] ?? [:]).sorted(by: { $0.key < $1.key }) {
        actions.append(.report(.refused(partitions, token, refusal)))
      }
    }
    for token in lost.keys.sorted() { actions.append(.report(.lost(lost[token] ?? [], token))) }
    (opened, lost, refused) = ([:], [:], [:])
  }
}
