import Cluster
import Drone
import Journal
import Wire

/// The data loops of an owner and, where it has one, of its shadow, with keys in all partitions, and a database that takes everything.
struct Pair {
  private static let keys = 10_000
  /// Requests of one record.
  private static let pipeline = 16
  private static let value = [UInt8](repeating: 7, count: 32)
  /// Requests of which the database is told at once.
  private static let append = 1_024

  private var owner = DataCore(incarnation: Incarnation(11))
  private var shadow = DataCore(incarnation: Incarnation(22))
  private let ownerName: Principal
  private let shadowName: Principal
  private let client = ClientIncarnation(high: 0x1234_5678_9abc_def0, low: 0x0fed_cba9_8765_4321)
  private let now = Instant(milliseconds: 10_000)
  private let keys: [[UInt8]]
  private var answers = CBORWriter()
  private var requests = CBORWriter()
  private var write: UInt64 = 0
  private var answered = 0

  init(hasShadow: Bool, hasJournal: Bool = false) {
    let names = (1...2).map { try? Principal("keyval-drone/d\($0)@KEYVAL.TEST") }
    guard let ownerName = names[0], let shadowName = names[1] else { fatalError("principals of drones") }
    (self.ownerName, self.shadowName) = (ownerName, shadowName)
    keys = (0..<Self.keys).map { number in
      let digits = [UInt8]("\(number)".utf8)
      return [UInt8]("key:".utf8) + [UInt8](repeating: 0x30, count: 12 - digits.count) + digits
    }
    if hasJournal {
      let boot = JournalOwner.Boot(high: 1, low: 2)
      owner = DataCore(
        incarnation: Incarnation(11),
        journal: Journal(
          in: PlainMemory(), owner: JournalOwner(principal: ownerName, life: Incarnation(11), boot: boot)))
    }
    let token = FencingToken(term: Term(1), counter: 1)
    _ = owner.beginOpening(.all, token: token, mode: .load)
    for partition in Partition.all {
      _ = owner.finishLoading(partition, token: token, sequence: 0, past: PastWrites())
    }
    owner.serve(.all, until: now + 1_000_000)
    put(Self.keys, level: .memory)
    if hasShadow { install() }
  }

  /// From now on the shadow follows, and is on every partition's list.
  private mutating func install() {
    let drones = [ownerName, shadowName].map {
      SlotMap.Drone(principal: $0, endpoint: Endpoint(host: "127.0.0.1", port: 1))
    }
    let map = SlotMap(
      cluster: "benchmark", term: Term(1), version: 1, expiry: .max, commander: ownerName, drones: drones,
      owners: [Int?](repeating: 0, count: Partition.count),
      shadows: [[Int]](repeating: [1], count: Partition.count))
    guard let map else { fatalError("a map of two drones") }
    owner.install(map, mine: .all, principal: ownerName)
    shadow.install(map, mine: .all, principal: shadowName)
    owner.connected(shadowName, life: Incarnation(22))
    for _ in 0..<4 {
      replicate()
      store()
    }
    guard owner.shadowed == .all else { fatalError("the shadow is not on the lists") }
  }

  // MARK: Paths

  mutating func get(_ count: Int) {
    run(count) { pair, index in
      pair.keys[index % Self.keys].withUnsafeBytes {
        DataRequest.get(number: UInt64(index), key: $0).encode(into: &pair.requests)
      }
    }
  }

  mutating func put(_ count: Int, level: AcknowledgementLevel) {
    run(count) { pair, index in pair.ask(index, toPut: index % Self.keys, level) }
  }

  mutating func putAndDelete(_ count: Int) {
    run(count) { pair, index in
      guard index % 2 == 0 else { return pair.ask(index, toPut: (index - 1) % Self.keys, .memory) }
      pair.write += 1
      pair.keys[index % Self.keys].withUnsafeBytes {
        DataRequest.delete(number: UInt64(index), write: pair.write, retry: false, level: .memory, key: $0)
          .encode(into: &pair.requests)
      }
    }
  }

  private mutating func ask(_ index: Int, toPut key: Int, _ level: AcknowledgementLevel) {
    write += 1
    keys[key].withUnsafeBytes { key in
      Self.value.withUnsafeBytes { value in
        DataRequest.put(
          number: UInt64(index), write: write, retry: false, level: level, key: key, value: value
        ).encode(into: &requests)
      }
    }
  }

  /// Puts so many new keys, one at a time.
  /// - Parameter clock: nanoseconds of a clock that goes on.
  /// - Returns: the longest that any of them took.
  mutating func grow(by count: Int, _ clock: () -> UInt64) -> UInt64 {
    var batch = RequestBatch()
    var longest: UInt64 = 0
    for number in 0..<count {
      requests.removeAll()
      write += 1
      let key = [UInt8]("new:\(1_000_000_000_000 + number)".utf8.prefix(16))
      key.withUnsafeBytes { key in
        Self.value.withUnsafeBytes { value in
          DataRequest.put(
            number: UInt64(number), write: write, retry: false, level: .memory, key: key, value: value
          ).encode(into: &requests)
        }
      }
      let start = clock()
      execute(&batch)
      longest = max(longest, clock() - start)
      if owner.isUrgent || number % Self.append == 0 { store() }
    }
    store()
    return longest
  }

  // MARK: What a loop does

  /// - Parameter ask: writes the request of a number behind the others of its record.
  private mutating func run(_ count: Int, _ ask: (inout Pair, Int) -> Void) {
    answered = 0
    var batch = RequestBatch()
    for start in stride(from: 0, to: count, by: Self.pipeline) {
      requests.removeAll()
      for index in start..<min(start + Self.pipeline, count) { ask(&self, index) }
      execute(&batch)
      if owner.isUrgent || start % Self.append == 0 { store() }
    }
    store()
    guard answered == count else { fatalError("\(answered) of \(count) requests were answered") }
  }

  private mutating func execute(_ batch: inout RequestBatch) {
    answers.removeAll()
    owner.beginBatch()
    let bytes = requests.bytes
    bytes.withUnsafeBytes { bytes in
      var reader = CBORReader(bytes)
      while !reader.isAtEnd {
        guard batch.fill(from: &reader) == nil else { fatalError("what was asked is no request") }
        batch.empty { located in
          let before = answers.count
          execute(located)
          if answers.count > before { answered += 1 }
        }
      }
    }
    replicate()
  }

  private mutating func execute(_ located: borrowing LocatedRequest) {
    guard let number = located.request.number else {
      fatalError("a request of another kind")
    }
    owner.execute(
      located, client: client,
      replyTo: ReplyAddress(loop: 0, connection: 1, number: number), now: now, answers: &answers)
  }

  private mutating func replicate() {
    while case let messages = owner.replicate(to: shadowName, now: now), !messages.isEmpty {
      for message in messages {
        guard let answer = shadow.receive(message, from: ownerName, session: 1) else { continue }
        answered += owner.receive(answer, from: shadowName, now: now).count
      }
    }
  }

  private mutating func store() {
    while owner.hasWaiting {
      let batches = owner.takeAppend()
      guard !batches.isEmpty else { return }
      // As it goes to the database.
      answers.removeAll()
      StoreRequest.append(number: 1, batches: batches).encode(into: &answers)
      let results = batches.map { batch in
        StoreAnswer.PartitionResult(
          partition: batch.partition,
          result: .stored(through: batch.firstSequence - 1 + UInt64(batch.records.count)))
      }
      answered += owner.appended(results).completions.count
    }
  }
}
