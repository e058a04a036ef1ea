import Cluster

/// Who has sessions with the authority, and how many: whichever side has dialled them.
struct PeerSessions: Sendable {
  private var counts: [Principal: Int] = [:]

  mutating func open(_ peer: Principal) { counts[peer, default: 0] += 1 }

  mutating func close(_ peer: Principal) {
    guard let count = counts[peer] else { return }
    counts[peer] = count > 1 ? count - 1 : nil
  }

  func contains(_ peer: Principal) -> Bool { counts[peer] != nil }
}
