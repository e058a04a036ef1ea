import Cluster

@testable import Drone

/// With keys and values of their own.
extension Table {
  mutating func set(_ key: [UInt8], _ value: [UInt8], _ version: Version) {
    set(StoredEntry(key: key, value: value, version: version))
  }

  mutating func remove(_ key: [UInt8]) { key.withUnsafeBytes { remove(HashedKey($0)) } }

  func contains(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { contains(HashedKey($0)) } }

  func version(of key: [UInt8]) -> Version? { key.withUnsafeBytes { version(of: HashedKey($0)) } }
}

extension DataCore {
  @discardableResult
  mutating func load(_ entries: [StoredEntry], into partition: Partition, token: FencingToken) -> Bool {
    load(StoredEntries(entries), into: partition, token: token)
  }
}

extension WriteHistory {
  mutating func begin(_ record: LogRecord, sequence: UInt64) {
    record.withView { begin($0, sequence: sequence) }
  }
}
