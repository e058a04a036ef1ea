import Cluster
import Histories

/// Which rights the clients have, and how that changes in the course of a run: drawn from its seed before it
/// begins, apart from the faults, and known here without any access list.
struct AccessPlan: Sendable {
  /// What one client is kept from.
  enum Restriction: Sendable, CaseIterable {
    case everything
    case writing
    /// Keys that begin with the prefix.
    case some
    case writingSome

    static let prefix = "register 1"

    var line: String {
      switch self {
      case .everything: "-"
      case .writing: "rs"
      case .some: "- register\\s1"
      case .writingSome: "r register\\s1"
      }
    }

    func permits(_ call: Operation.Call, on key: [UInt8]) -> Bool {
      let isMeant = String(decoding: key, as: UTF8.self).hasPrefix(Self.prefix)
      return switch self {
      case .everything: false
      case .writing: call == .get
      case .some: !isMeant
      case .writingSome: !isMeant || call == .get
      }
    }
  }

  /// One content of the operator's file, and when he writes it, in microseconds.
  struct Edition: Sendable {
    let start: Int64
    /// For each client; nil: it may do everything.
    let restrictions: [Restriction?]
    let hasLyingClient: Bool

    var text: [UInt8] {
      let particular = restrictions.enumerated().compactMap { client, restriction in
        restriction.map { "\(AccessPlan.principal(client)) \($0.line)\n" }
      }
      let lying = hasLyingClient ? LyingClient.lines : ""
      return [UInt8]((lying + particular.joined() + "*@\(Names.realm) *\n").utf8)
    }
  }

  /// In order of time; the first is there from the beginning. Versions count them from 1 on.
  private(set) var editions: [Edition]

  init(seed: UInt64, clients: Int, length: Int64, hasLyingClient: Bool) {
    var random = SeededRandom(seed: seed, stream: 5)
    var times = [Int64(0)]
    for _ in 0..<random.index(6) { times.append(random.number(1_000_000...length)) }
    editions = times.sorted().map { time in
      Edition(
        start: time,
        restrictions: (0..<clients).map { _ in
          random.chance(350_000) ? Restriction.allCases[random.index(Restriction.allCases.count)] : nil
        }, hasLyingClient: hasLyingClient)
    }
  }

  static func principal(_ client: Int) -> String { "c\(client + 1)@\(Names.realm)" }

  /// From now on everybody may do everything, but for the one that lies.
  mutating func permitAll(at time: Int64) {
    editions.append(
      Edition(start: time, restrictions: [], hasLyingClient: editions.contains(where: \.hasLyingClient)))
  }

  /// What the operator's file holds.
  func current(at time: Int64) -> NumberedAccessList {
    let index = editions.lastIndex { $0.start <= time } ?? 0
    return NumberedAccessList(version: UInt64(index) + 1, text: editions[index].text)
  }

  /// Whether the list of this version permits it to the client of this name.
  func permits(_ call: Operation.Call, on key: [UInt8], to name: String, version: UInt64) -> Bool {
    guard version > 0, version <= editions.count else { return false }
    if name == LyingClient.name { return LyingClient.mayUse(key) }
    let client = (Int(name.dropFirst()) ?? 0) - 1
    let restrictions = editions[Int(version) - 1].restrictions
    guard restrictions.indices.contains(client), let restriction = restrictions[client] else { return true }
    return restriction.permits(call, on: key)
  }
}
