import Cluster
import Wire

/// What one connection has under way: always as many requests as the pipeline is deep. Without I/O: answers and the
/// time go in, the bytes of requests come out.
///
/// Nothing is allocated for a request: places, their times and the bytes that leave are made once.
struct Pipeline {
  /// What is asked, and until when.
  struct Course: Sendable {
    var mix: OperationMix
    var templates: RequestTemplates
    var depth: Int
    /// Requests in all; nil: until `end`.
    var quota: UInt64?
    /// No request is begun after this time.
    var end: UInt64
    /// Nil: each is due when there is a place for it.
    var schedule: RateSchedule?
    /// How ranks of keys are drawn; nil: all keys alike.
    var zipfian: Zipfian?
    /// Puts each key of the share once: this one, and then always so many further.
    var sequence: (first: Int, step: Int)?
    /// Of the connection among all, and how many there are: no two insert the same key.
    var turn: (index: Int, count: Int)
  }

  private struct Place {
    var due: UInt64 = 0
    var key = 0
    var kind = Kind.get
    /// Whether its request is asked and not answered.
    var isUnderWay = false
  }

  private enum Kind { case get, put, getBeforePut }

  let course: Course
  var share: KeyShare
  private var places: [Place]
  /// Places with no request under way.
  private var free: [Int]
  /// Places whose request was not executed and is asked again, the same, after a pause.
  private var resting: [Int] = []
  /// Places whose key turned out to be another drone's: they are free after a pause.
  private var cooling: [Int] = []
  /// Places whose key was read and is put next.
  private var ready: [Int] = []
  private var random: SplitMix
  /// Requests begun, each once.
  private var begun: UInt64 = 0
  /// Writes sent: their numbers count up in the life of the connection.
  private(set) var writes: UInt32
  private var inserted: [Int] = []
  private var nextInsert: Int
  private(set) var bytes: [UInt8]
  private(set) var isOver = false

  /// Bytes of requests that leave together, unless one is longer.
  private static let batchBytes = 256 << 10

  /// - Parameter writes: sent before, on the same connection.
  init(_ course: Course, share: KeyShare, seed: UInt64, writes: UInt32 = 0) {
    self.writes = writes
    self.course = course
    self.share = share
    random = SplitMix(seed: seed)
    places = Array(repeating: Place(), count: course.depth)
    // The first place is taken first.
    free = (0..<course.depth).reversed()
    nextInsert = course.templates.names.count + course.turn.index
    let longest = course.templates.longest
    bytes = Array(repeating: 0, count: max(longest, min(course.depth * longest, Self.batchBytes)))
  }

  var underWay: Int { places.count - free.count - resting.count - cooling.count - ready.count }
  /// Whether requests wait for a pause to be over.
  var isResting: Bool { !resting.isEmpty || !cooling.isEmpty }
  /// Nothing is under way, and nothing will be.
  var isDone: Bool { isOver && free.count == places.count }

  /// The session ended: what was under way has no answer. What was not executed is asked over the next one.
  mutating func lose(_ tally: inout Tally) {
    for number in places.indices where places[number].isUnderWay {
      places[number].isUnderWay = false
      tally.lost += 1
      free.append(number)
    }
  }

  /// The pause is over.
  mutating func wake() {
    ready.append(contentsOf: resting)
    resting.removeAll(keepingCapacity: true)
    free.append(contentsOf: cooling)
    cooling.removeAll(keepingCapacity: true)
  }

  /// No request is begun any more, and what rests is given up.
  mutating func stop(_ tally: inout Tally) {
    isOver = true
    tally.unsent += UInt64(resting.count)
    free.append(contentsOf: resting)
    resting.removeAll(keepingCapacity: true)
    free.append(contentsOf: cooling)
    cooling.removeAll(keepingCapacity: true)
  }
}

// Answers
extension Pipeline {
  /// Receives a record of answers.
  /// - Returns: the partition of a key that the drone does not serve any more, if there was one, and the longest pause
  ///   that was asked for.
  mutating func receive(
    _ messages: UnsafeRawBufferPointer, now: UInt64, _ tally: inout Tally
  ) throws(CBORError) -> (moved: Int?, pause: UInt64) {
    var scanner = AnswerScanner(messages)
    var moved: Int?
    var pause: UInt64 = 0
    // Those that left together and came back together have one latency, and are recorded together.
    var (due, isPut, count): (UInt64, Bool, UInt64) = (0, false, 0)
    while !scanner.isAtEnd {
      let (outcome, number) = try scanner.next()
      guard places.indices.contains(number), places[number].isUnderWay else {
        throw .unknownValue(field: "request number", value: UInt64(clamping: number))
      }
      places[number].isUnderWay = false
      let place = places[number]
      switch outcome {
      case .value, .notFound, .done:
        if outcome == .notFound { tally.misses += 1 }
        if place.due != due || isPut != (place.kind == .put) {
          if count > 0 { tally.record(now &- due, isPut: isPut, count: count) }
          (due, isPut, count) = (place.due, place.kind == .put, 0)
        }
        count += 1
        if place.kind == .getBeforePut {
          places[number].kind = .put
          places[number].due = now
          ready.append(number)
        } else {
          free.append(number)
        }
      case .unavailable:
        rest(number, &tally)
      case .limited(let wait):
        pause = max(pause, min(wait, 10_000))
        rest(number, &tally)
      case .moved:
        tally.moved += 1
        moved = Slot(key: course.templates.names.key(place.key)).partition.index
        if isOver { free.append(number) } else { cooling.append(number) }
      case .unknown:
        tally.unknown += 1
        free.append(number)
      case .failed(let failure):
        tally.failure = tally.failure ?? .refused(drone: "", failure)
        free.append(number)
      case .stray:
        throw .unknownValue(field: "answer", value: 0)
      }
    }
    if count > 0 { tally.record(now &- due, isPut: isPut, count: count) }
    return (moved, pause)
  }

  private mutating func rest(_ number: Int, _ tally: inout Tally) {
    tally.retries += 1
    if isOver {
      tally.unsent += 1
      free.append(number)
    } else {
      resting.append(number)
    }
  }
}

// Requests
extension Pipeline {
  /// Encodes requests for the places that are free, as far as any are due.
  /// - Returns: how many of ``bytes`` they take. When that is not 0, there may be more.
  mutating func fill(now: UInt64, _ tally: inout Tally) -> Int {
    if !isOver, now >= course.end { finish(&tally) }
    guard !ready.isEmpty || (!isOver && !free.isEmpty) else { return 0 }
    // Moved out while it is written to, so that the rest of this can be used meanwhile.
    var output = bytes
    bytes = []
    defer { bytes = output }
    return output.withUnsafeMutableBytes { output in
      var length = 0
      let longest = course.templates.longest
      while output.count - length >= longest, let number = nextPlace(now, &tally) {
        // At least `longest` bytes are left, which is what the template asks for.
        let rest = UnsafeMutableRawBufferPointer(rebasing: output[length...])
        let place = places[number]
        places[number].isUnderWay = true
        if place.kind == .put {
          length += course.templates.writePut(number, write: writes, key: place.key, into: rest)
          writes &+= 1
        } else {
          length += course.templates.writeGet(number, key: place.key, into: rest)
        }
      }
      return length
    }
  }

  /// The next place that has something to ask.
  @inline(__always)
  private mutating func nextPlace(_ now: UInt64, _ tally: inout Tally) -> Int? {
    if let number = ready.popLast() { return number }
    guard !isOver, let number = free.last else { return nil }
    if let quota = course.quota, begun >= quota {
      isOver = true
      return nil
    }
    var due = now
    if let schedule = course.schedule {
      due = schedule.due(begun)
      guard due <= now else { return nil }
    }
    guard let (kind, key) = nextStep() else {
      isOver = true
      return nil
    }
    begun += 1
    free.removeLast()
    places[number] = Place(due: due, key: key, kind: kind)
    return number
  }

  @inline(__always)
  private mutating func nextStep() -> (Kind, Int)? {
    if let sequence = course.sequence {
      let position = sequence.first + Int(begun) * sequence.step
      return position < share.count ? (.put, share[position]) : nil
    }
    guard share.count > 0 else { return nil }
    switch course.mix.step(&random) {
    case .get: return (.get, drawKey())
    case .put: return (.put, drawKey())
    case .readModifyWrite: return (.getBeforePut, drawKey())
    case .insert:
      let key = share.next(from: nextInsert, step: course.turn.count, course.templates.names)
      nextInsert = key + course.turn.count
      inserted.append(key)
      return (.put, key)
    }
  }

  @inline(__always)
  private mutating func drawKey() -> Int {
    guard let zipfian = course.zipfian else { return share[random.next(below: share.count)] }
    let rank = min(zipfian.draw(&random), share.count - 1)
    guard course.mix.readsLatest else { return share[rank] }
    if rank < inserted.count { return inserted[inserted.count - 1 - rank] }
    return share[share.count - 1 - min(rank - inserted.count, share.count - 1)]
  }

  /// When the next request is due that there is a place for; nil: not before an answer comes, or never.
  var nextDue: UInt64? {
    guard let schedule = course.schedule, !isOver, !free.isEmpty, begun < course.quota ?? .max else {
      return nil
    }
    return schedule.due(begun)
  }

  private mutating func finish(_ tally: inout Tally) {
    if let schedule = course.schedule {
      let due = min(schedule.count(before: course.end), course.quota ?? .max)
      if due > begun { tally.unsent += due - begun }
    }
    stop(&tally)
  }
}
