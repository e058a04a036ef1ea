import Keyval
import Measuring

struct RedisAddress: Hashable, Codable, Sendable {
  let host: String
  let port: Int

  /// `HOST:PORT`.
  init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
      return nil
    }
    self.init(host: String(text[..<colon]), port: port)
  }

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}

/// Which node has which slot, as the nodes say; shared by all callers, who ask for it again when they are sent
/// elsewhere or lose a node.
actor RedisTopology {
  private let nodes: [RedisAddress]
  private var owners: [RedisAddress?] = Array(repeating: nil, count: Slot.count)
  private var version = 0
  private var underWay: Task<Void, Never>?
  private var next = 0

  init(nodes: [RedisAddress]) { self.nodes = nodes }

  func owner(of key: String) -> (address: RedisAddress?, version: Int) {
    (owners[Int(Slot(key: Array(key.utf8)).number)], version)
  }

  /// Asks for the slots, unless that was done since the caller looked.
  func refresh(after seen: Int) async {
    guard seen == version else { return }
    let task = underWay ?? Task { await ask() }
    underWay = task
    await task.value
  }

  private func ask() async {
    for _ in nodes {
      next = (next + 1) % nodes.count
      if let answer = try? await Self.slots(of: nodes[next]) {
        owners = answer
        break
      }
    }
    version += 1
    underWay = nil
  }

  private static func slots(of node: RedisAddress) async throws -> [RedisAddress?] {
    let connection = try await RedisConnection(to: node)
    defer { connection.close() }
    guard case .array(let ranges) = try await connection.send("CLUSTER", "SLOTS") else {
      throw BenchmarkError("\(node) does not tell its slots")
    }
    var owners: [RedisAddress?] = Array(repeating: nil, count: Slot.count)
    for case .array(let range) in ranges {
      guard range.count > 2, case .integer(let first) = range[0], case .integer(let last) = range[1],
        case .array(let master) = range[2], master.count > 1, case .bulk(let host?) = master[0],
        case .integer(let port) = master[1], (0...last).contains(first), last < Slot.count
      else { continue }
      for slot in first...last { owners[slot] = RedisAddress(host: host, port: port) }
    }
    return owners
  }
}
