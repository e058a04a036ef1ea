import Cluster

/// Who has how much of what the database does not have yet, so that who writes much leaves room there for who writes little.
///
/// Nobody may have more than three times what is still free: alone he has three quarters, two have three sevenths each, and
/// whoever comes finds room at once (dynamic thresholds: Choudhury and Hahne 1998).
struct BacklogShares {
  /// An answer that waits until the database has caught up. Its write has its second place, and readers see it.
  struct HeldAnswer {
    let partition: Partition
    let token: FencingToken
    let sequence: UInt64
    let length: Int
    let completion: DataCore.Completion
  }

  private struct Share {
    /// Bytes that the database lacks.
    var unstored = 0
    /// Of these what has been acknowledged.
    var acknowledged = 0
    /// Answers in the order in which they were due. Those before `head` are gone.
    var held: [HeldAnswer] = []
    var head = 0

    var first: HeldAnswer? { head < held.count ? held[head] : nil }
    var isEmpty: Bool { unstored == 0 && first == nil }

    mutating func removeFirst() {
      head += 1
      guard head >= 64, head * 2 >= held.count else { return }
      held.removeFirst(head)
      head = 0
    }
  }

  /// Those who have something here.
  private var shares = Slots<Share>()
  private var places: [UInt64: Int32] = [:]
  /// Who was asked about last: as a rule he is asked about next, too.
  private var last: (mark: UInt64, place: Int32)?
  /// Those with answers that wait: whose turn is first.
  private var order: [UInt64] = []
  private(set) var unstored = 0
  private var acknowledged = 0

  // MARK: Principals

  private mutating func find(_ mark: UInt64) -> Int32? {
    if let last, last.mark == mark { return last.place }
    guard let place = places[mark] else { return nil }
    last = (mark, place)
    return place
  }

  private mutating func place(of mark: UInt64) -> Int32 {
    if let place = find(mark) { return place }
    let place = shares.add(Share())
    places[mark] = place
    last = (mark, place)
    return place
  }

  private mutating func removeIfEmpty(_ mark: UInt64, _ place: Int32) {
    guard shares[place].isEmpty else { return }
    shares.remove(place)
    places[mark] = nil
    last = nil
  }

  // MARK: Records

  /// - Parameter length: of the record, in bytes.
  mutating func add(of mark: UInt64, _ length: Int, isAcknowledged: Bool = false) {
    let place = place(of: mark)
    unstored += length
    shares[place].unstored += length
    if isAcknowledged { acknowledge(place, length) }
  }

  /// The database has it, or it is not this drone's to hand over any more.
  mutating func remove(of mark: UInt64, _ length: Int, isAcknowledged: Bool) {
    unstored -= length
    if isAcknowledged { acknowledged -= length }
    guard let place = find(mark) else { return }
    shares[place].unstored -= length
    if isAcknowledged { shares[place].acknowledged -= length }
    removeIfEmpty(mark, place)
  }

  private mutating func acknowledge(_ place: Int32, _ length: Int) {
    acknowledged += length
    shares[place].acknowledged += length
  }

  /// Whether so much of a principal's waits that another write of it is turned away.
  mutating func isFull(_ mark: UInt64, bound: Int) -> Bool {
    unstored >= bound || (find(mark).map { shares[$0].unstored } ?? 0) >= 3 * (bound - unstored)
  }

  // MARK: Answers

  private func mayBeAcknowledged(_ place: Int32, _ length: Int, window: Int) -> Bool {
    let free = window - acknowledged
    return length <= free && shares[place].acknowledged + length <= 3 * free
  }

  /// Whether an answer leaves at once: it does not overtake its principal's others.
  mutating func acknowledges(of mark: UInt64, _ length: Int, window: Int) -> Bool {
    let place = place(of: mark)
    guard shares[place].first == nil, mayBeAcknowledged(place, length, window: window) else { return false }
    acknowledge(place, length)
    return true
  }

  mutating func hold(_ answer: HeldAnswer, of mark: UInt64) {
    let place = place(of: mark)
    if shares[place].first == nil { order.append(mark) }
    shares[place].held.append(answer)
  }

  /// Answers that need not wait any more, in turns of all principals.
  /// - Parameter isStored: whether the database has its write by now, or somebody else is to hand it over.
  mutating func release(
    window: Int, isStored: (HeldAnswer) -> Bool, _ leaves: (HeldAnswer, _ isStored: Bool) -> Void
  ) {
    var waiting = order
    while !waiting.isEmpty {
      waiting = waiting.filter { mark in
        guard let place = find(mark), let first = shares[place].first else { return false }
        let isStored = isStored(first)
        guard isStored || mayBeAcknowledged(place, first.length, window: window) else { return false }
        if !isStored { acknowledge(place, first.length) }
        shares[place].removeFirst()
        leaves(first, isStored)
        return true
      }
    }
    order = order.filter { mark in
      guard let place = find(mark) else { return false }
      if shares[place].first != nil { return true }
      removeIfEmpty(mark, place)
      return false
    }
    // Who has most of what is waiting is not always first.
    if order.count > 1 { order.append(order.removeFirst()) }
  }
}
