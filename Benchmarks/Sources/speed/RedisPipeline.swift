import Cluster
import Load

/// What one connection to Redis has under way. Without I/O, as the pipeline of Keyval's load is: requests are written
/// over a template in place, and replies, which come in the order of the requests, are only walked over.
struct RedisPipeline {
  enum Course: Equatable {
    case get, set
    /// Nine gets, on average, for each put.
    case mixed
    /// Puts each key once: this one, and then always so many further.
    case load(first: Int, step: Int)
    /// Puts, and behind as many as the pipeline is deep a `WAIT 1 0`, which is answered before the next begin.
    case setAndWait
  }

  private let course: Course
  private let depth: Int
  private let names: KeyNames
  private let get: Template
  private let set: Template
  private let schedule: RateSchedule?
  private var random: SplitMix
  private var next = 0
  private var begun: UInt64 = 0
  /// When those under way were due; nil: a `WAIT`.
  private var due: [UInt64?]
  private var first = 0
  private(set) var underWay = 0
  private(set) var isOver = false
  private(set) var output: [UInt8]

  /// A request, and where in it the key is.
  private struct Template {
    let bytes: [UInt8]
    let key: Int

    /// - Parameter rest: what follows the key.
    init(_ head: String, _ names: KeyNames, rest: [UInt8] = []) {
      let head = Array("\(head)$\(names.length)\r\n".utf8)
      key = head.count
      bytes = head + names.template + Array("\r\n".utf8) + rest
    }
  }

  private static let wait = Array("*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n".utf8)

  /// - Parameter schedule: when requests are due; nil: each when there is a place for it.
  init(
    _ course: Course, depth: Int, names: KeyNames, valueBytes: Int, seed: UInt64,
    schedule: RateSchedule? = nil
  ) {
    self.course = course
    self.depth = depth
    self.names = names
    self.schedule = schedule
    random = SplitMix(seed: seed)
    if case .load(let first, _) = course { next = first }
    let value = [UInt8](repeating: UInt8(ascii: "v"), count: valueBytes)
    get = Template("*2\r\n$3\r\nGET\r\n", names)
    set = Template(
      "*3\r\n$3\r\nSET\r\n", names,
      rest: Array("$\(valueBytes)\r\n".utf8) + value + Array("\r\n".utf8))
    due = Array(repeating: nil, count: depth + 1)
    output = Array(repeating: 0, count: depth * set.bytes.count + Self.wait.count)
  }

  /// When the next request is due that there is a place for; nil: not before an answer comes, or never.
  var nextDue: UInt64? { isOver || underWay >= depth ? nil : schedule?.due(begun) }

  mutating func stop() { isOver = true }

  /// Writes requests to ``output`` until as many are under way as the pipeline is deep.
  /// - Returns: how many bytes of it they take.
  mutating func fill(now: UInt64) -> Int {
    guard !isOver, course != .setAndWait || underWay == 0 else { return 0 }
    var bytes = output
    output = []
    defer { output = bytes }
    return bytes.withUnsafeMutableBytes { output in
      var length = 0
      // At most `depth` templates fit, and no more are under way.
      while underWay < depth, let time = nextTime(now), let key = nextKey() {
        let isGet = course == .get || course == .mixed && random.next(below: 10) > 0
        let template = isGet ? get : set
        let request = UnsafeMutableRawBufferPointer(
          rebasing: output[length..<length + template.bytes.count])
        template.bytes.withUnsafeBytes { request.copyMemory(from: $0) }
        names.write(
          key,
          into: UnsafeMutableRawBufferPointer(
            rebasing: request[template.key..<template.key + names.length]))
        length += template.bytes.count
        begun += 1
        push(time)
      }
      guard course == .setAndWait, length > 0 else { return length }
      Self.wait.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: output[length...]).copyMemory(from: $0)
      }
      push(nil)
      return length + Self.wait.count
    }
  }

  /// When the next request is due; nil: later than now.
  private func nextTime(_ now: UInt64) -> UInt64? {
    guard let schedule else { return now }
    let time = schedule.due(begun)
    return time <= now ? time : nil
  }

  private mutating func nextKey() -> Int? {
    guard case .load(_, let step) = course else { return random.next(below: names.count) }
    guard next < names.count else {
      isOver = true
      return nil
    }
    defer { next += step }
    return next
  }

  private mutating func push(_ time: UInt64?) {
    due[(first + underWay) % due.count] = time
    underWay += 1
  }

  /// Walks over the replies that are whole.
  /// - Parameter answered: called with when requests were due, and how many were due then.
  /// - Returns: bytes that were walked over.
  mutating func take(
    _ input: UnsafeRawBufferPointer, answered: (_ due: UInt64, _ count: UInt64) -> Void
  ) throws(RedisError) -> Int {
    var offset = 0
    var (time, count): (UInt64, UInt64) = (0, 0)
    while let length = try RESPReply.length(UnsafeRawBufferPointer(rebasing: input[offset...])) {
      guard underWay > 0 else { throw RedisError("it answers what was not asked") }
      if let due = due[first] {
        if due != time, count > 0 {
          answered(time, count)
          count = 0
        }
        time = due
        count += 1
      } else if input[offset] != UInt8(ascii: ":") || input[offset + 1] == UInt8(ascii: "0") {
        throw RedisError("a write has not reached the replica")
      }
      first = (first + 1) % due.count
      underWay -= 1
      offset += length
    }
    if count > 0 { answered(time, count) }
    return offset
  }
}

struct RedisError: Error, CustomStringConvertible {
  let description: String
  init(_ reason: String) { description = "redis-server: \(reason)" }
}

/// A reply of RESP2, as far as this benchmark asks for any.
enum RESPReply {
  /// Bytes of the first reply; nil when not all of it is there.
  static func length(_ input: UnsafeRawBufferPointer) throws(RedisError) -> Int? {
    guard let kind = input.first, let line = lineLength(input) else { return nil }
    switch kind {
    case UInt8(ascii: "+"), UInt8(ascii: ":"): return line
    case UInt8(ascii: "$"):
      // “$-1”: no value.
      if input[1] == UInt8(ascii: "-") { return line }
      var count = 0
      for byte in input[1..<line - 2] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), count < 1 << 40 else {
          throw RedisError("a length is no number")
        }
        count = count * 10 + Int(byte - UInt8(ascii: "0"))
      }
      let length = line + count + 2
      return length <= input.count ? length : nil
    default:
      throw RedisError(String(decoding: input[..<(line - 2)], as: UTF8.self))
    }
  }

  /// With its end, which is two bytes.
  private static func lineLength(_ input: UnsafeRawBufferPointer) -> Int? {
    var index = 1
    while index + 1 < input.count {
      if input[index] == UInt8(ascii: "\r"), input[index + 1] == UInt8(ascii: "\n") { return index + 2 }
      index += 1
    }
    return nil
  }
}
