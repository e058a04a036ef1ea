/// What a client asked and was told. A retried request is one operation.
public struct Operation: Sendable, Hashable, Codable {
  public enum Call: Sendable, Hashable, Codable {
    case get
    case put([UInt8])
    case delete
    /// Nil: the key has no value.
    case compareAndPut(expected: [UInt8]?, [UInt8])
  }

  public enum Result: Sendable, Hashable, Codable {
    case value([UInt8]?)
    case existed(Bool)
    case matched(Bool)
    /// Nobody knows whether it was executed; it may yet be.
    case unknown
  }

  public let client: Int
  public let call: Call
  /// Microseconds; when it was asked, and when its result was told: `.max` while it may still be executed.
  public let invoked: Int64
  public var returned: Int64
  public var result: Result

  public init(client: Int, call: Call, invoked: Int64, returned: Int64 = .max, result: Result = .unknown) {
    self.client = client
    self.call = call
    self.invoked = invoked
    self.returned = returned
    self.result = result
  }
}

/// The operations on each key.
public struct History: Sendable {
  public private(set) var operations: [[UInt8]: [Operation]] = [:]

  public init() {}

  /// Notes that an operation was asked. Its number among those on the key, for ``end(_:on:_:at:)``.
  public mutating func begin(_ operation: Operation, on key: [UInt8]) -> Int {
    operations[key, default: []].append(operation)
    return operations[key, default: []].count - 1
  }

  /// Notes what was answered, and when.
  public mutating func end(_ index: Int, on key: [UInt8], _ result: Operation.Result, at time: Int64) {
    operations[key]?[index].result = result
    operations[key]?[index].returned = time
  }

  /// It was certainly not executed, and never will be.
  public mutating func void(_ index: Int, on key: [UInt8]) {
    operations[key]?[index].result = .unknown
    operations[key]?[index].returned = -1
  }

  /// In the order of their bytes.
  public var keys: [[UInt8]] { operations.keys.sorted { $0.lexicographicallyPrecedes($1) } }

  /// Without what was not executed, and without reads that came to nothing.
  public func meaningful(_ key: [UInt8]) -> [Operation] {
    (operations[key] ?? []).filter { operation in
      if operation.returned < 0 { return false }
      return operation.result != .unknown || operation.call != .get
    }
  }

  public var count: Int { operations.values.reduce(0) { $0 + $1.count } }
}
