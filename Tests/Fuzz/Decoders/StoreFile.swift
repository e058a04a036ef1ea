import Cluster
import FuzzHarness
import Storage

/// The files of a database and of an authority as a whole, which a disk has changed here and there. Whatever was changed,
/// nobody is served what was never written.
enum StoreFile {
  static let decoders: [Decoder] = [
    Decoder(
      name: "store-file", about: "a database's file, changed here and there", maximumLength: 60,
      // SQLite's caches, for the most part.
      allowance: .init(base: 64 << 20, perByte: 0), seeds: { damages }, read: { try store($0) }),
    Decoder(
      name: "register-file", about: "an authority's file, changed here and there", maximumLength: 60,
      allowance: .init(base: 64 << 20, perByte: 0), seeds: { damages }, read: { try register($0) }),
  ]

  /// None, and two that change no byte.
  private static let damages: [[UInt8]] = [[], [UInt8](repeating: 0, count: 10)]

  // MARK: A database's

  private static let opening = PartitionOpening(
    holder: Fixture.d1, incarnation: Incarnation(7), token: FencingToken(term: Term(1), counter: 1),
    partitions: PartitionSet(Partition.all[1...2]))
  private static let written = Dictionary(
    uniqueKeysWithValues: (0..<40).map { (Array("key \($0)".utf8), Array("value \($0)".utf8)) })

  private static let storeFile = DamagedFile("data/keyval.sqlite") { folder in
    let store = try open(folder)
    _ = try store.raiseTerm(to: Term(1))
    _ = try store.store(StoredSealingKey(term: Term(1), key: Fixture.sealingKey))
    _ = try store.open(opening)
    // Half of it in the keyed table, half in the log.
    try append(0..<20, from: 1, to: store)
    while try !store.fold().isEmpty {}
    try append(20..<40, from: 11, to: store)
    try store.close()
  }

  private static func open(_ folder: String) throws -> SQLiteStore {
    try SQLiteStore(directory: folder + "/data", cluster: "test", readers: 1)
  }

  private static func append(_ numbers: Range<Int>, from sequence: UInt64, to store: SQLiteStore) throws {
    // Numbers that take all eight bytes.
    let client = ClientIncarnation(high: 0x4037_1234_5678_9abc, low: 0x4038_1234_5678_9abc)
    let batches = opening.partitions.map { partition in
      PartitionBatch(
        partition: partition, token: opening.token, incarnation: opening.incarnation, firstSequence: sequence,
        records: numbers.filter { $0 % 2 == partition.index % 2 }.map {
          LogRecord(
            key: Array("key \($0)".utf8), change: .put(value: Array("value \($0)".utf8)), client: client,
            write: UInt64($0) + 1, outcome: .written(existed: false))
        })
    }
    _ = try store.append([AppendGroup(holder: opening.holder, batches: batches)])
  }

  private static func store(_ input: Input) throws -> Bool {
    storeFile.put(input.bytes)
    return try input.decode {
      let store = try open(storeFile.folder)
      defer { try? store.close() }
      _ = try? store.standing()
      _ = try? store.fences()
      scrub(store)
      for partition in opening.partitions { try? serve(partition, store) }
      // A file that ends nowhere is left after a while.
      for _ in 0..<20 where (try? store.fold().isEmpty) == false {}
      return true
    }
  }

  private static func scrub(_ store: SQLiteStore) {
    for _ in 0..<200 {
      guard let step = try? store.scrub(), !step.isLast else { return }
    }
  }

  private static func serve(_ partition: Partition, _ store: SQLiteStore) throws {
    try store.contents(of: opening.restricted(to: [partition])) { part in
      guard case .entries(_, let entries) = part else { return true }
      for entry in entries {
        require(written[entry.key] == entry.value, "a value that was never written, or of another key")
      }
      return true
    }
  }

  // MARK: An authority's

  private static let authority = Incarnation(7)

  private static let registerFile = DamagedFile("authority.sqlite") { folder in
    let register = try AuthorityRegister(directory: folder, cluster: "test")
    _ = try register.replaceTenure(register.tenure(), with: register.tenure().followed(by: authority))
    for principal in [Fixture.d1, Fixture.d2] {
      let node = RegisteredNode(principal: principal, endpoint: Endpoint(host: "h", port: 1))
      _ = try register.store(EnrolledNode(node: node, isExpiryCleared: true), holder: authority)
    }
    _ = try register.remove(Fixture.d2, isDead: true, membership: 2, holder: authority)
    _ = try register.accessVersion(of: [1, 2, 3], holder: authority)
    let mark = StoreMark(identity: StoreIdentity(high: 1, low: .max), commit: 70_000)
    try register.accept(KnownStore(mark: mark, seenAt: 5), of: Fixture.database, holder: authority)
    let winner = Winner(principal: Fixture.d1, key: ElectionKey(Fixture.electionKey.publicKey))
    let office = OfficeRecord.vacant.followed(term: Term(5), state: .certifying(winner, done: .claimed))
    _ = try register.replaceOffice(office, holder: authority)
    try register.close()
  }

  private static func register(_ input: Input) throws -> Bool {
    registerFile.put(input.bytes)
    return try input.decode {
      let register = try AuthorityRegister(directory: registerFile.folder, cluster: "test")
      defer { try? register.close() }
      _ = try? register.tenure()
      _ = try? register.contents()
      _ = try? register.accessVersion(of: [1, 2], holder: authority)
      let mark = StoreMark(identity: StoreIdentity(high: 1, low: .max), commit: 70_001)
      _ = try? register.judge(mark, of: Fixture.database, now: 9, holder: authority)
      _ = try? register.count(1, holder: authority)
      return true
    }
  }
}
