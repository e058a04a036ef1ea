import Cluster
import Journal
import Wire

@testable import Drone

/// An owner's and a shadow's data loop for partition 0, a database that keeps one fence, and a clock: wires that
/// carry what they are told to.
struct ShadowPair {
  static let partition = Names.partition(0)
  static let client = ClientIncarnation(high: 1, low: 1)
  let owner = Names.drone(1)
  let shadow = Names.drone(2)
  static let ownerLife = Incarnation(11)
  static let shadowLife = Incarnation(22)

  var ownerCore = DataCore(incarnation: ownerLife)
  var shadowCore = DataCore(incarnation: shadowLife)
  var now = Instant(milliseconds: 10_000)
  var fence: PartitionFence
  var records: [LogRecord] = []
  private var number: UInt64 = 0
  private var write: UInt64 = 0

  static let token = Names.token(1, 1)

  /// - Parameters:
  ///   - entries: what the database has to begin with.
  ///   - sequence: of the last record that is stored. Where there never was one nobody is listed.
  ///   - journals: of the owner and of the shadow.
  init(entries: [StoredEntry] = [], sequence: UInt64 = 1, journals: (Journal, Journal)? = nil) {
    if let (own, other) = journals {
      ownerCore = DataCore(incarnation: Self.ownerLife, journal: own)
      shadowCore = DataCore(incarnation: Self.shadowLife, journal: other)
    }
    let stored = max(sequence, UInt64(entries.count))
    fence = PartitionFence(
      token: Self.token, holder: owner, incarnation: Self.ownerLife, base: stored, sequence: stored)
    let set: PartitionSet = [Self.partition]
    _ = ownerCore.beginOpening(set, token: Self.token, mode: .load)
    ownerCore.load(entries, into: Self.partition, token: Self.token)
    _ = ownerCore.finishLoading(
      Self.partition, token: Self.token, sequence: stored, past: PastWrites())
    ownerCore.serve(set, until: now + 1_000_000)
    install(shadows: [1])
  }

  /// The map says that drone 1 owns everything, and these (0: drone 1) shadow it.
  mutating func install(shadows: [Int], version: UInt64 = 1) {
    let map = Self.map(shadows: shadows, version: version)
    ownerCore.install(map, mine: [Self.partition], principal: owner)
    shadowCore.install(map, mine: [Self.partition], principal: shadow)
  }

  /// By its newest map the shadow is to be the owner.
  mutating func installAtShadowAsOwner() {
    shadowCore.install(Self.map(owner: 1, shadows: [], version: 2), mine: [Self.partition], principal: shadow)
  }

  static func map(owner: Int = 0, shadows: [Int], version: UInt64) -> SlotMap {
    SlotMap(
      cluster: Names.cluster, term: Term(1), version: version, expiry: Names.wall + 600,
      commander: Names.drone(1),
      drones: [1, 2, 3, 4].map {
        SlotMap.Drone(principal: Names.drone($0), endpoint: Names.node($0).endpoint)
      },
      owners: [Int?](repeating: owner, count: Partition.count),
      shadows: [[Int]](repeating: shadows, count: Partition.count))!
  }

  /// A session between the two comes about.
  mutating func connect() { ownerCore.connected(shadow, life: Self.shadowLife) }

  /// What the owner says reaches the shadow, and its answers come back, until nobody has anything to say.
  @discardableResult
  mutating func talk() -> [DataCore.Completion] {
    var completions: [DataCore.Completion] = []
    while true {
      let answers = hear()
      if answers.isEmpty { return completions }
      for answer in answers { completions += ownerCore.receive(answer, from: shadow, now: now) }
    }
  }

  /// What the owner says reaches the shadow; its answers are still on their way.
  mutating func hear() -> [ReplicationAnswer] {
    var answers: [ReplicationAnswer] = []
    while true {
      let messages = ownerCore.replicate(to: shadow, now: now)
      if messages.isEmpty { return answers }
      answers += messages.compactMap { shadowCore.receive($0, from: owner, session: 1) }
    }
  }

  /// Drone 3 as a shadow besides: what the owner says reaches it until nobody has anything to say.
  @discardableResult
  mutating func talk(with third: inout DataCore) -> [DataCore.Completion] {
    var completions: [DataCore.Completion] = []
    let peer = Names.drone(3)
    while case let messages = ownerCore.replicate(to: peer, now: now), !messages.isEmpty {
      for answer in messages.compactMap({ third.receive($0, from: owner, session: 1) }) {
        completions += ownerCore.receive(answer, from: peer, now: now)
      }
    }
    return completions
  }

  /// One append, decided as every store does.
  @discardableResult
  mutating func store() -> DataCore.AppendOutcome {
    let batches = ownerCore.takeAppend()
    let results = batches.map { batch -> StoreAnswer.PartitionResult in
      StoreAnswer.PartitionResult(partition: batch.partition, result: append(batch, from: owner))
    }
    return batches.isEmpty ? DataCore.AppendOutcome() : ownerCore.appended(results)
  }

  mutating func append(_ batch: PartitionBatch, from holder: Principal) -> StoreAnswer.AppendResult {
    switch PartitionFence.admission(batch, from: holder, stored: fence) {
    case .store(let skipping, let through):
      records += batch.records.dropFirst(skipping)
      fence.apply(batch, through: through)
      return .stored(through: through)
    case .stored(let through):
      fence.apply(batch, through: through)
      return .stored(through: through)
    case .fenced(let token): return .fenced(by: token)
    case .gap(let stored): return .gap(stored: stored)
    }
  }

  /// A shadow whose copy is whole and on the list.
  static func inSync(
    entries: [StoredEntry] = [], sequence: UInt64 = 1, journals: (Journal, Journal)? = nil
  ) -> ShadowPair {
    var pair = ShadowPair(entries: entries, sequence: sequence, journals: journals)
    pair.connect()
    pair.talk()
    pair.store()
    return pair
  }

  var isListed: Bool {
    fence.inSync.holders == [Holder(principal: shadow, incarnation: Self.shadowLife)]
  }

  // MARK: A client of the owner

  /// Nil: the answer comes later.
  mutating func put(
    _ key: String, _ value: String, level: AcknowledgementLevel? = nil, write: UInt64? = nil,
    client: ClientIncarnation = client
  ) -> Answer? {
    number += 1
    self.write = write ?? self.write + 1
    return [UInt8](key.utf8).withUnsafeBytes { key in
      [UInt8](value.utf8).withUnsafeBytes { value in
        Self.execute(
          .put(number: number, write: self.write, retry: write != nil, level: level, key: key, value: value),
          on: &ownerCore, now, client)
      }
    }
  }

  mutating func delete(_ key: String) -> Answer? {
    number += 1
    write += 1
    return [UInt8](key.utf8).withUnsafeBytes {
      Self.execute(.delete(number: number, write: write, retry: false, key: $0), on: &ownerCore, now)
    }
  }

  mutating func get(_ key: String) -> Answer? { get(key, of: \.ownerCore) }

  mutating func getVersion(_ key: String) -> Answer? {
    number += 1
    return [UInt8](key.utf8).withUnsafeBytes {
      Self.execute(.read(ReadRequest(.getVersion, number: number, key: $0)), on: &ownerCore, now)
    }
  }

  var leaseEnd: Instant? { ownerCore.leaseEnd(of: Self.partition) }

  mutating func get(_ key: String, of core: WritableKeyPath<ShadowPair, DataCore>) -> Answer? {
    number += 1
    return [UInt8](key.utf8).withUnsafeBytes {
      Self.execute(.get(number: number, key: $0), on: &self[keyPath: core], now)
    }
  }

  private static func execute(
    _ request: DataRequest, on core: inout DataCore, _ now: Instant, _ client: ClientIncarnation = client
  ) -> Answer? {
    var writer = CBORWriter()
    core.execute(
      LocatedRequest(request, in: partition), client: client,
      replyTo: ReplyAddress(loop: 0, connection: 1, number: 1),
      now: now,
      answers: &writer)
    return writer.bytes.isEmpty ? nil : Answer(writer.bytes)
  }
}

/// What is asked and read.
extension ShadowPair {
  static func value(_ text: String) -> Answer { .value([UInt8](text.utf8)) }

  static func entries(_ count: Int) -> [StoredEntry] {
    (0..<count).map { index in
      StoredEntry(
        key: [UInt8]("key \(index)".utf8), value: [UInt8](repeating: UInt8(index % 251), count: 500),
        version: Version(fence: token, sequence: UInt64(index + 1)))
    }
  }
}
