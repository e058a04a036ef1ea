/// What one principal may do by an access list: made once a session and list, then asked for each request. To
/// ask allocates nothing: it compares the key with a few prefixes.
public struct AccessRights: Hashable, Sendable {
  private struct Entry: Hashable {
    let operations: AccessOperations
    /// The prefix in `bytes`.
    let start: Int
    let length: Int
    let limit: RequestLimit?
    let quota: Quota?
  }

  /// In order; at most 512 (see the limits of `AccessList`).
  private var entries: [Entry] = []
  private var bytes: [UInt8] = []
  private let cluster: AccessOperations
  /// Whether to look for one is worth it.
  private let hasLimits: Bool
  private let hasQuotas: Bool

  /// Nothing at all.
  public static let none = AccessRights([], counted: [])

  /// - Parameters:
  ///   - lines: those that fit the principal, in order.
  ///   - counted: `AccessList.countedPrefixes`.
  init(_ lines: [AccessList.Line], counted: [[UInt8]]) {
    for line in lines {
      entries.append(
        Entry(
          operations: line.operations, start: bytes.count, length: line.prefix.count,
          limit: line.limits.requests.map { RequestLimit(line: line.number, perSecond: $0) },
          quota: line.hasQuota
            ? counted.firstIndex(of: line.prefix).map {
              Quota(place: $0, keys: line.limits.keys, bytes: line.limits.bytes)
            } : nil))
      bytes += line.prefix
    }
    cluster = lines.first { $0.prefix.isEmpty }?.operations.intersection(.onCluster) ?? []
    hasLimits = lines.contains { $0.limits.requests != nil }
    hasQuotas = lines.contains { $0.hasQuota }
  }

  /// Whether an operation on the whole cluster is permitted.
  public func permits(_ operation: AccessOperations) -> Bool { cluster.isSuperset(of: operation) }

  /// Whether an operation on this key is permitted.
  public func permits(_ operation: AccessOperations, on key: UnsafeRawBufferPointer) -> Bool {
    // By index: an iterator would hold on to the array.
    var index = 0
    while index < entries.count {
      if begins(key, entries[index]) { return entries[index].operations.isSuperset(of: operation) }
      index += 1
    }
    return false
  }

  /// The limit of the line that decides about this key.
  @inline(__always)
  public func limit(on key: UnsafeRawBufferPointer) -> RequestLimit? {
    guard hasLimits else { return nil }
    return entries.first { begins(key, $0) }?.limit
  }

  /// The quota of the line that decides about this key.
  @inline(__always)
  public func quota(on key: UnsafeRawBufferPointer) -> Quota? {
    guard hasQuotas else { return nil }
    return entries.first { begins(key, $0) }?.quota
  }

  @inline(__always)
  private func begins(_ key: UnsafeRawBufferPointer, _ entry: Entry) -> Bool {
    guard key.count >= entry.length else { return false }
    // From its end: prefixes of one list often begin alike, and so do the keys.
    var index = entry.length
    while index > 0 {
      index -= 1
      if key[index] != bytes[entry.start + index] { return false }
    }
    return true
  }
}
