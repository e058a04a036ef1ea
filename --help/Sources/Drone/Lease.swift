import Cluster

/// A drone's side of its lease: it counts from its own sending of a nonce, so that a late answer can only
/// make the lease shorter.
struct Lease {
  private var sent: [(nonce: UInt64, at: Instant)] = []
  private(set) var lastNonce: UInt64

  /// Nonces begin somewhere else in each life of a drone: an answer to an earlier life, which may still be under
  /// way when a drone has restarted, must name no moment of this one. They never wrap.
  init(_ incarnation: Incarnation) { lastNonce = incarnation.number >> 1 }

  /// Notes a nonce that is sent now.
  mutating func send(at now: Instant) -> UInt64 {
    lastNonce += 1
    sent.append((lastNonce, now))
    // An answer older than this many reports is too late to be worth anything.
    if sent.count > 64 { sent.removeFirst() }
    return lastNonce
  }

  /// When a lease of `milliseconds` for this nonce ends; nil for a nonce never sent, or answered long ago.
  mutating func end(of nonce: UInt64, milliseconds: Int64) -> Instant? {
    guard let index = sent.firstIndex(where: { $0.nonce == nonce }) else { return nil }
    let end = sent[index].at + milliseconds
    // Answers come in order; what is older than this one will not be needed again.
    sent.removeSubrange(..<index)
    return end
  }
}
