/// What one principal may do by an access list: made once a session and list, then asked for each request. To
/// ask allocates nothing: it compares the key with a few prefixes.
public struct AccessRights: Hashable, Sendable {
  /// What every request is compared with, and nothing else: all of them are in few cache lines.
  private struct Entry: Hashable {
    /// The last eight bytes of the prefix, or all that it has and zeros: they tell most keys apart.
    let end: UInt64
    let operations: AccessOperations
    let length: Int32
    /// The prefix in `bytes`.
    let start: Int32
  }

  /// In order; at most 512 (see the limits of `AccessList`).
  private var entries: [Entry] = []
  private var bytes: [UInt8] = []
  private let cluster: AccessOperations
  /// Of the entries; empty where none has one.
  private var limits: [RequestLimit?] = []
  private var quotas: [Quota?] = []

  /// Nothing at all.
  public static let none = AccessRights([], counted: [])

  /// - Parameters:
  ///   - lines: those that fit the principal, in order.
  ///   - counted: `AccessList.countedPrefixes`.
  init(_ lines: [AccessList.Line], counted: [[UInt8]]) {
    for line in lines {
      entries.append(
        Entry(
          end: Self.word(line.prefix.suffix(8)), operations: line.operations,
          length: Int32(line.prefix.count),
          start: Int32(bytes.count)))
      bytes += line.prefix
    }
    if lines.contains(where: { $0.limits.requests != nil }) {
      limits = lines.map { line in
        line.limits.requests.map { RequestLimit(line: line.number, perSecond: $0) }
      }
    }
    if lines.contains(where: { $0.hasQuota }) {
      quotas = lines.map { line in
        guard line.hasQuota, let place = counted.firstIndex(of: line.prefix) else { return nil }
        return Quota(place: place, keys: line.limits.keys, bytes: line.limits.bytes)
      }
    }
    cluster = lines.first { $0.prefix.isEmpty }?.operations.intersection(.onCluster) ?? []
  }

  /// Whether an operation on the whole cluster is permitted.
  public func permits(_ operation: AccessOperations) -> Bool { cluster.isSuperset(of: operation) }

  /// Whether an operation on this key is permitted.
  public func permits(_ operation: AccessOperations, on key: UnsafeRawBufferPointer) -> Bool {
    deciding(on: key).map { entries[$0].operations.isSuperset(of: operation) } ?? false
  }

  /// The limit of the line that decides about this key.
  @inline(__always)
  public func limit(on key: UnsafeRawBufferPointer) -> RequestLimit? {
    limits.isEmpty ? nil : deciding(on: key).flatMap { limits[$0] }
  }

  /// The quota of the line that decides about this key.
  @inline(__always)
  public func quota(on key: UnsafeRawBufferPointer) -> Quota? {
    quotas.isEmpty ? nil : deciding(on: key).flatMap { quotas[$0] }
  }

  /// The first entry whose prefix the key begins with.
  private func deciding(on key: UnsafeRawBufferPointer) -> Int? {
    let head = Self.word(key.prefix(8))
    return entries.withUnsafeBufferPointer { entries in
      var index = 0
      while index < entries.count {
        let entry = entries[index]
        let length = Int(entry.length)
        if length <= key.count {
          let word =
            length < 8
            ? head & (1 << (8 * UInt64(length)) &- 1)
            : UInt64(littleEndian: key.loadUnaligned(fromByteOffset: length - 8, as: UInt64.self))
          if word == entry.end, length <= 8 || begins(key, entry) { return index }
        }
        index += 1
      }
      return nil
    }
  }

  /// At most eight bytes, the first of them lowest.
  private static func word(_ bytes: some Collection<UInt8>) -> UInt64 {
    var (word, shift): (UInt64, UInt64) = (0, 0)
    for byte in bytes {
      word |= UInt64(byte) << shift
      shift += 8
    }
    return word
  }

  private func begins(_ key: UnsafeRawBufferPointer, _ entry: Entry) -> Bool {
    bytes.withUnsafeBytes { bytes in
      let (start, length) = (Int(entry.start), Int(entry.length))
      return key[..<length].elementsEqual(bytes[start..<start + length])
    }
  }
}
