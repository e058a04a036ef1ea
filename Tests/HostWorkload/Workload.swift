import Histories
import Keyval
import Synchronization

/// Clients that go on reading and writing a few keys while a cluster is being harmed, each with sessions of its own.
public final class Workload: Sendable {
  /// Registers a chapter that each drone owns.
  private static let registersEach = 2

  private struct Chapter {
    var name: String
    var registers: [String]
    var padding: Padding
  }

  private let clients: [KeyvalClient]
  private let ledger: Ledger
  private let pause: Duration
  private let chapter: Mutex<Chapter>
  private let isOver = Atomic(false)
  private let tasks = Mutex<[Task<Void, Never>]>([])

  /// - Parameters:
  ///   - clients: whom nobody else uses.
  ///   - first: the name of the first chapter.
  ///   - padding: bytes that are added to each value.
  ///   - pause: between two operations of a client, so that the processes of a small machine get their turn.
  public init(
    _ clients: [KeyvalClient], beginning first: String, padding: Int = 0, pause: Duration = .milliseconds(4)
  ) async throws {
    self.clients = clients
    self.pause = pause
    ledger = Ledger(clients: clients.count)
    chapter = Mutex(
      Chapter(
        name: first, registers: try await Self.registers(of: first, by: clients[0]), padding: Padding(padding)
      ))
    for index in clients.indices {
      let task = Task { await self.work(index) }
      tasks.withLock { $0.append(task) }
    }
  }

  public var progress: Progress { ledger.progress }

  /// Has the clients go on with other keys.
  public func begin(_ name: String, padding: Int = 0) async throws {
    let registers = try await Self.registers(of: name, by: clients[0])
    chapter.withLock { $0 = Chapter(name: name, registers: registers, padding: Padding(padding)) }
    ledger.beginChapter()
  }

  /// Ends what the clients do, and reads everything back.
  public func finish() async throws -> Report {
    await stop()
    return try await readBack()
  }

  /// Ends what the clients do.
  public func stop() async {
    isOver.store(true, ordering: .releasing)
    for task in tasks.withLock({ $0 }) { await task.value }
  }

  /// Reads everything that was written. What it finds belongs to the histories, and may be looked at again later.
  public func readBack() async throws -> Report {
    let reader = clients[0]
    for key in ledger.history.keys.map({ String(decoding: $0, as: UTF8.self) }) {
      await ledger.note(clients.count, .get, on: key) {
        .value(Padding.removed(from: try await reader.get(key)))
      }
    }
    let written = ledger.written
    let history = ledger.history
    return Report(
      registers: history.keys.map {
        .init(key: String(decoding: $0, as: UTF8.self), operations: history.meaningful($0))
      }, written: written.count, lost: try await Self.lost(written, by: reader))
  }

  // MARK: Keys

  /// As many keys of each drone.
  private static func registers(of chapter: String, by client: KeyvalClient) async throws -> [String] {
    var found: [String: [String]] = [:]
    for number in 0..<64 {
      let key = "\(chapter)/\(number)"
      guard let owner = try await client.locate(key).owner?.principal.instance else { continue }
      if found[owner, default: []].count < registersEach { found[owner, default: []].append(key) }
    }
    return found.values.flatMap { $0 }.sorted()
  }

  /// The value of a key of the growing set is its name.
  private static func lost(_ keys: [String], by client: KeyvalClient) async throws -> [String] {
    try await withThrowingTaskGroup(of: String?.self) { group in
      var lost: [String] = []
      for (index, key) in keys.enumerated() {
        if index >= 128, let result = try await group.next(), let result { lost.append(result) }
        group.addTask {
          let value = Padding.removed(from: try await client.get(key)).map {
            String(decoding: $0, as: UTF8.self)
          }
          return value == key ? nil : "\(key) is \(value ?? "gone")"
        }
      }
      for try await result in group { if let result { lost.append(result) } }
      return lost.sorted()
    }
  }

  // MARK: A client

  private func work(_ index: Int) async {
    let client = clients[index]
    var count: UInt32 = 0
    while !isOver.load(ordering: .acquiring) {
      let (name, registers, padding) = chapter.withLock { ($0.name, $0.registers, $0.padding) }
      count += 1
      guard let key = registers.randomElement() else { return }
      switch Int.random(in: 0..<20) {
      case 0..<9:
        await ledger.note(index, .get, on: key) { .value(Padding.removed(from: try await client.get(key))) }
      case 9..<15:
        // No two values are the same: who reads one knows which write it was.
        let value = [UInt8(index), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
        await ledger.note(index, .put(value), on: key) {
          .existed(try told(await client.put([UInt8](key.utf8), padding.added(to: value))))
        }
      case 15:
        await ledger.note(index, .delete, on: key) { .existed(try told(await client.delete(key))) }
      default:
        let new = "\(name)/added/\(index)/\(count)"
        await ledger.noteAdded(index, new) {
          _ = try await client.put([UInt8](new.utf8), padding.added(to: [UInt8](new.utf8)))
        }
      }
      try? await Task.sleep(for: pause)
    }
  }
}

/// What makes a value long and says nothing: histories are of short values. Its length stands behind it.
struct Padding: Sendable {
  private let bytes: [UInt8]

  init(_ count: Int) {
    let length = UInt32(clamping: count)
    bytes =
      Array(repeating: 0xFF, count: count) + (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
  }

  func added(to value: [UInt8]) -> [UInt8] { value + bytes }

  /// A value that is damaged, cut off, or mixed with another comes back as it is: nobody has put it.
  static func removed(from value: [UInt8]?) -> [UInt8]? {
    guard let value, value.count >= 4 else { return value }
    let length = value.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    let padding = value.dropLast(4).suffix(length)
    guard padding.count == length, padding.allSatisfy({ $0 == 0xFF }) else { return value }
    return Array(value.dropLast(4 + length))
  }
}

extension Status {
  public init(_ status: ClusterStatus) {
    term = status.term.number
    commander = status.commander.instance ?? ""
    slotsServed = status.slotsServed
    slotsShadowed = status.slotsShadowed
    slotsMoving = status.slotsMoving
    drones = status.drones.map {
      .init(name: $0.principal.instance ?? "", isServing: $0.state == .serving, slots: $0.slots)
    }
    reachesDatabase = status.databases.allSatisfy(\.isReachable)
    reachesAuthority = status.authorities.allSatisfy(\.isReachable)
  }
}

/// This client may read what it writes, so it is told whether there was something.
private func told(_ existed: Bool?) throws -> Bool {
  guard let existed else { throw NotTold() }
  return existed
}

private struct NotTold: Error {}
