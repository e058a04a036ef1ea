import Cluster

/// What a load asks: which part of its requests reads, and how keys are chosen for it.
public struct OperationMix: Sendable, Equatable {
  /// A step of a caller.
  enum Step: Equatable {
    case get, put
    /// A get, and once it is answered a put of the same key.
    case readModifyWrite
    /// A put of a key that nobody has put before.
    case insert
  }

  /// As it was written.
  public let name: String
  /// Of so many steps…
  let steps: UInt32
  /// … so many read, and the others do this.
  let gets: UInt32
  let other: Step
  /// Whether keys that were inserted last are read most.
  let readsLatest: Bool

  public static let get = OperationMix("get", gets: 1, of: 1, .put)
  public static let put = OperationMix("put", gets: 0, of: 1, .put)

  private init(_ name: String, gets: UInt32, of steps: UInt32, _ other: Step, readsLatest: Bool = false) {
    self.name = name
    self.gets = gets
    self.steps = steps
    self.other = other
    self.readsLatest = readsLatest
  }

  /// Reads `get`, `put`, `get:put=9:1` or `ycsb-a` to `ycsb-f`.
  /// - Throws: ``LoadError/badMix(_:)``, which says what there is.
  public init(_ text: String) throws(LoadError) {
    switch text.lowercased() {
    case "get": self = .get
    case "put": self = .put
    case "ycsb-a": self.init("ycsb-a", gets: 50, of: 100, .put)
    case "ycsb-b": self.init("ycsb-b", gets: 95, of: 100, .put)
    case "ycsb-c": self.init("ycsb-c", gets: 1, of: 1, .put)
    case "ycsb-d": self.init("ycsb-d", gets: 95, of: 100, .insert, readsLatest: true)
    case "ycsb-e":
      throw .badMix(
        "ycsb-e scans ranges of keys, and Keyval has no scan: take one of ycsb-a to ycsb-d, or ycsb-f")
    case "ycsb-f": self.init("ycsb-f", gets: 50, of: 100, .readModifyWrite)
    default:
      let parts = text.split(separator: "=", omittingEmptySubsequences: false)
      let numbers = parts.count == 2 ? parts[1].split(separator: ":").map { UInt32($0) } : []
      guard parts.count == 2, parts[0] == "get:put", numbers.count == 2, let gets = numbers[0],
        let puts = numbers[1], (1...1_000_000).contains(UInt64(gets) + UInt64(puts))
      else {
        throw .badMix(
          "‘\(text)’ is no mix of operations: write get, put, get:put=9:1, or ycsb-a to ycsb-f without e")
      }
      self.init(text, gets: gets, of: gets + puts, .put)
    }
  }

  /// Whether it changes anything.
  public var writes: Bool { gets < steps }
  /// Whether its keys are drawn as YCSB draws them unless the caller says otherwise.
  public var prefersZipfian: Bool { name.hasPrefix("ycsb-") }

  func step(_ random: inout SplitMix) -> Step {
    if gets == steps { return .get }
    if gets == 0 { return other }
    return random.next(below: Int(steps)) < Int(gets) ? .get : other
  }
}
