import Cluster

/// A thief with a drone's key who aims at what other drones have: at the copies of it that their shadows keep, and at the
/// database, with grants of terms that are over. What the drone itself has, it has, and serves as it should.
struct Thief {
  var random: SeededRandom
  /// Those that the drone was given, the newest last.
  private(set) var grants: [GrantAnswer] = []

  init(seed: UInt64) { random = SeededRandom(seed: seed, stream: 36) }

  /// One that clients write.
  mutating func key() -> [UInt8] { Workload.anyKey(&random) }

  mutating func keep(_ answer: GrantAnswer) {
    grants.append(answer)
    if grants.count > 64 { grants.removeFirst() }
  }

  /// Its voice is one, however often it says so.
  func says(insteadOf message: ControlMessage) -> [ControlMessage] {
    if case .vote = message { return [message, message, message] }
    return [message]
  }

  /// No client has made a write like that.
  mutating func record(_ key: [UInt8]) -> LogRecord {
    LogRecord(
      key: key, change: .put(value: Array("forged".utf8)),
      client: ClientIncarnation(high: random.next(), low: 1), write: 1, outcome: .written(existed: false))
  }
}

extension DroneMachine {
  func steal(_ seed: UInt64) {
    thief = Thief(seed: seed)
    world.trace("a thief has \(name)'s key, and aims")
    aim()
  }

  /// Whatever happens to its process, the thief goes on.
  private func aim() {
    guard let pause = thief?.random.number(20_000...150_000) else { return }
    world.after(pause) { [unowned self] in
      control.post { [unowned self] in
        guard let key = thief?.key(), let isAtCopies = thief?.random.chance(600_000) else { return }
        if isAtCopies { aimAtCopies(of: key) } else { aimAtDatabase(key) }
      }
      aim()
    }
  }

  // MARK: Copies

  /// As if it were the owner, to whoever shadows what another owns.
  private func aimAtCopies(of key: [UInt8]) {
    let partition = Slot(key: key).partition
    for shadow in world.drones where shadow !== self && shadow.isUp {
      let (life, loop) = (shadow.life, shadow.placement.loop(of: partition))
      world.network.dial(
        from: self, on: control, to: shadow, at: shadow.loops[loop].executor,
        accept: { [unowned self, unowned shadow] session in
          guard shadow.life == life else { return false }
          // With the end of the handshake, so that the map by which they are judged is the one that is looked at here.
          let messages = shadow.loops[loop].isOwned(partition, by: principal) ? [] : forgery(key, for: shadow)
          guard !messages.isEmpty, shadow.loops[loop].accept(session, from: principal) else { return false }
          world.trace("\(name) aims at \(shadow.name)'s copy of partition \(partition)")
          session.acceptor.received(messages.flatMap { $0.encoded() })
          return true
        },
        completion: { session in if let session { session.close(from: session.dialler) } })
    }
  }

  private func forgery(_ key: [UInt8], for shadow: DroneMachine) -> [ReplicationMessage] {
    let partition = Slot(key: key).partition
    guard let known = shadow.loop(of: partition).copyToken(of: partition),
      var thief
    else { return [] }
    defer { self.thief = thief }
    let stored = world.database.store.durable.standing(of: partition)?.sequence ?? 0
    let isHigher = thief.random.chance(200_000)
    let token = isHigher ? FencingToken(term: known.term, counter: known.counter + 1 << 30) : known
    let greeting = ReplicationMessage.greet(session: thief.random.next() >> 1)
    switch thief.random.index(5) {
    case 0: return [greeting, .end(partition: partition, token: token)]
    case 1: return [greeting, .stored(partition: partition, token: token, through: .max)]
    case 2, 3:
      // Those that the copy has are passed over, and then comes what its owner has never said.
      let records = (0..<8).map { _ in thief.record(key) }
      let batch = PartitionBatch(
        partition: partition, token: token, incarnation: incarnation, firstSequence: stored + 1,
        records: records)
      return [greeting, .records(batch, stored: stored)]
    default:
      let entry = StoredEntry(
        key: key, value: Array("forged".utf8), version: Version(fence: token, sequence: stored))
      return [
        greeting,
        .begin(partition: partition, token: token, sequence: stored, past: PastWrites()),
        .entries(partition: partition, token: token, [entry]),
        .whole(partition: partition, token: token, sequence: stored),
      ]
    }
  }

  // MARK: The database

  /// Opens what another owns by a grant of a term that is over; once it is let in, it writes what it likes.
  private func aimAtDatabase(_ key: [UInt8]) {
    let partition = Slot(key: key).partition
    guard let fence = world.database.store.durable.standing(of: partition), fence.holder != principal,
      let (grant, token, incarnation) = oldGrant(of: partition), let record = thief?.record(key)
    else { return }
    let (target, holder) = (world.database, principal)
    world.network.dial(
      from: self, on: control, to: target, at: target.acceptingExecutor,
      accept: { [unowned target] session in
        target.accept(session, as: holder.text, service: Names.database, indicators: [])
      },
      completion: { [unowned self] session in
        guard let session else { return }
        world.trace("\(name) shows db1 a grant of term \(token.term) for partition \(partition)")
        session.dialler.received = { [unowned self] bytes in
          for case .opened(_, partition, let sequence, let list, _) in world.decode(
            StoreAnswer.self, bytes)
          {
            let batch = PartitionBatch(
              partition: partition, token: token, incarnation: incarnation, firstSequence: sequence + 1,
              records: [record], inSync: InSyncList(number: list.number + 1, holders: []))
            session.send(StoreRequest.append(number: 2, batches: [batch]), from: session.dialler)
          }
        }
        session.send(
          StoreRequest.open(
            number: 1, grant: grant, partitions: PartitionSet([partition]), copy: fence.numbering),
          from: session.dialler)
        after(300, on: control) { session.close(from: session.dialler) }
      })
  }

  /// One that it minted when it held the office, or that it was given: of a term that is over at the database.
  private func oldGrant(of partition: Partition) -> (SealedGrant, FencingToken, Incarnation)? {
    let term = world.database.store.durable.term()
    if office == nil, let former = formerOffice, former.term < term,
      let (grant, sealed) = mintedGrant(for: self, as: former.term)
    {
      return (sealed, grant.token, grant.incarnation)
    }
    let kept = thief?.grants.filter { $0.token.term < term && $0.partitions.contains(partition) } ?? []
    guard let index = thief?.random.index(kept.count), kept.indices.contains(index) else { return nil }
    return (kept[index].grant, kept[index].token, kept[index].incarnation)
  }
}
