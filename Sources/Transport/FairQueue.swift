/// Jobs that wait for a thread: whose turn is next, and who has to go when too many wait. Without I/O.
///
/// The keys (addresses, or targets) take turns, so that many jobs of one wait for each other and for nobody else. Of one
/// key the newest goes first: when more comes than can be done, the oldest has been given up at the other end. Of four
/// turns members have three, as long as some of theirs wait.
struct FairQueue<Key: Hashable, Job> {
  private struct Lane {
    /// Jobs in order of arrival.
    var jobs: [Key: [Job]] = [:]
    /// Keys that have jobs, the next first.
    var turns: [Key] = []
    var count = 0

    mutating func append(_ job: Job, of key: Key) {
      if jobs[key] == nil { turns.append(key) }
      jobs[key, default: []].append(job)
      count += 1
    }

    mutating func removeOldest(of key: Key) -> Job? {
      guard let job = jobs[key]?.removeFirst() else { return nil }
      count -= 1
      if jobs[key]?.isEmpty ?? true {
        jobs[key] = nil
        turns.removeAll { $0 == key }
      }
      return job
    }

    mutating func next() -> Job? {
      guard let key = turns.first, let job = jobs[key]?.removeLast() else { return nil }
      turns.removeFirst()
      count -= 1
      if jobs[key]?.isEmpty ?? true { jobs[key] = nil } else { turns.append(key) }
      return job
    }

    /// The first of those keys that have most.
    var largest: Key? { turns.max { jobs[$0]?.count ?? 0 < jobs[$1]?.count ?? 0 } }
  }

  private var members = Lane()
  private var strangers = Lane()
  /// Turns that members have had since a stranger had one.
  private var memberTurns = 0
  private let limit: Int
  private let limitPerKey: Int

  init(limit: Int, limitPerKey: Int) {
    self.limit = max(1, limit)
    self.limitPerKey = max(1, limitPerKey)
  }

  var count: Int { members.count + strangers.count }

  /// - Returns: a job that has to go for this one: the oldest of its key, or of the key that has most.
  mutating func add(_ job: Job, of key: Key, isMember: Bool) -> Job? {
    if isMember { return Self.add(job, of: key, to: &members, limit, limitPerKey) }
    return Self.add(job, of: key, to: &strangers, limit, limitPerKey)
  }

  private static func add(
    _ job: Job, of key: Key, to lane: inout Lane, _ limit: Int, _ limitPerKey: Int
  ) -> Job? {
    var displaced: Job?
    if let own = lane.jobs[key]?.count, own >= limitPerKey {
      displaced = lane.removeOldest(of: key)
    } else if lane.count >= limit, let largest = lane.largest {
      displaced = lane.removeOldest(of: largest)
    }
    lane.append(job, of: key)
    return displaced
  }

  mutating func next() -> Job? {
    let isMembersTurn = strangers.count == 0 || memberTurns < 3
    if isMembersTurn, let job = members.next() {
      memberTurns += 1
      return job
    }
    memberTurns = 0
    return strangers.next() ?? members.next()
  }
}
