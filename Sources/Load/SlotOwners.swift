import Cluster
import Keyval
import Transport

/// Who serves which partition, by the slot map that a client of the library believes.
struct SlotOwners: Sendable, Equatable {
  /// In order of their principals.
  let drones: [LoadDrone]
  /// Of each partition the position in `drones`; nil: nobody.
  let owners: [Int?]

  /// A key of each partition.
  static let samples: [[UInt8]] = {
    var keys = [[UInt8]?](repeating: nil, count: Partition.count)
    var (missing, number) = (Partition.count, 0)
    while missing > 0 {
      let key = Array("key:\(number)".utf8)
      let partition = Slot(key: key).partition.index
      if keys[partition] == nil {
        keys[partition] = key
        missing -= 1
      }
      number += 1
    }
    return keys.compactMap { $0 }
  }()

  /// - Throws: `KeyvalError`; ``LoadError/noOwner`` when nobody serves anything.
  init(_ client: KeyvalClient) async throws {
    var found: [Location.Owner?] = []
    for key in Self.samples { found.append(try await client.locate(key).owner) }
    let named = Set(found.compactMap { $0 }).sorted { $0.principal < $1.principal }
    guard !named.isEmpty else { throw LoadError.noOwner }
    drones = named.map {
      LoadDrone(
        principal: $0.principal, address: NodeAddress(host: $0.endpoint.host, port: Int($0.endpoint.port)))
    }
    owners = found.map { owner in named.firstIndex { $0 == owner } }
  }
}
