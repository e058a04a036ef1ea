import Cluster

/// How far one shadow of a partition is, as its owner sees it.
struct ShadowStream {
  enum Stage: Equatable {
    /// It is to be asked what it has, when there is a session.
    case unknown
    case asked
    /// It has no copy to go on with: everything is to be sent anew.
    case absent
    /// The entries from this place of the table on are still to be sent, as far as they were not written after this
    /// record: that comes with the records.
    case entries(cursor: EntryHeap.Place, asOf: UInt64)
    case records
  }

  let peer: Principal
  /// The life of the shadow that `acked` is of; nil when none was ever met.
  var holder: Holder?
  var stage = Stage.unknown
  /// The last record that was sent to it.
  var sent: UInt64 = 0
  /// The last one that it has for certain, in this life.
  var acked: UInt64 = 0
  /// What it was last told that the database has.
  var toldStored: UInt64 = 0
  /// Its copy is whole from this record on; nil while entries are being sent.
  var wholeAt: UInt64?
  /// It has said so itself: until then what was sent to it counts for nothing.
  var hasWhole = false
  /// Pieces of entries that it has not taken yet.
  var piecesUnderWay = 0
  /// It does not answer: nobody waits for it, and it is taken off the list.
  var isSilent = true
  /// Since when it owes an answer.
  var owesSince: Instant?
  /// The map does not name it any more: it is let go of once others are on the list in its place.
  var isLeaving = false

  init(peer: Principal) { self.peer = peer }

  /// Whether it has everything up to `sequence`, and answers.
  func isInSync(with sequence: UInt64) -> Bool {
    guard let wholeAt, hasWhole, !isSilent, holder != nil, stage == .records else { return false }
    return acked >= wholeAt && acked >= sequence
  }

  /// Records behind this one must be kept for it.
  var needsAfter: UInt64? { holder == nil ? nil : acked }

  /// The session is over. What it has it keeps; the next session goes on from there.
  mutating func disconnect() {
    stage = .unknown
    // It may not have been heard: a shadow that is not told keeps records for ever.
    toldStored = 0
    isSilent = true
    owesSince = nil
    piecesUnderWay = 0
  }

  /// A session stands, with this life of it.
  mutating func connect(_ life: Holder) {
    if holder != life {
      forget()
      holder = life
    }
    stage = .unknown
    toldStored = 0
    isSilent = false
  }

  /// Nothing that was sent to it counts any more.
  mutating func forget() {
    let leaves = isLeaving
    self = ShadowStream(peer: peer)
    isLeaving = leaves
  }

  /// It has nothing to go on with.
  mutating func beginAnew() {
    stage = .absent
    wholeAt = nil
    hasWhole = false
    owesSince = nil
  }

  /// Everything is sent anew: the entries, and the records behind this one.
  /// - Parameter applied: the last record in the table.
  mutating func begin(at sequence: UInt64, applied: UInt64) {
    stage = .entries(cursor: .start, asOf: applied)
    sent = sequence
    acked = sequence
    wholeAt = nil
    hasWhole = false
    piecesUnderWay = 0
  }

  /// The last record that can be relied on to be there.
  var confirmed: UInt64 { hasWhole ? acked : 0 }
}
