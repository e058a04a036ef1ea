/// What one point of a sweep is measured with.
struct Setting: Hashable, Sendable {
  var valueBytes = 32
  /// Requests under way on each connection.
  var pipeline = 16
  var connections = 50
  /// Event loops for data, of each drone.
  var loops = 2
  var drones = 1

  /// Bytes of each key.
  static let keyBytes = 16

  /// As many keys as memory and disk of a small machine have room for, with a cluster a point: at most 48 MiB of entries.
  var keys: Int { max(500, min(400_000, (48 << 20) / (valueBytes + 80))) }

  /// The same for all points that one cluster, with one set of sessions, serves.
  var ofCluster: Setting {
    var setting = self
    setting.pipeline = Setting().pipeline
    return setting
  }
}

/// What is swept while all else is as ``Setting`` says.
enum Axis: String, Codable, CaseIterable, Sendable {
  case valueBytes, pipeline, connections, loops, drones

  func values(isQuick: Bool) -> [Int] {
    switch self {
    case .valueBytes:
      isQuick ? [16, 32, 256, 1_024, 8_192, 65_536] : [16, 32, 64, 256, 1_024, 4_096, 16_384, 65_536]
    case .pipeline: isQuick ? [1, 4, 16, 64, 256] : [1, 2, 4, 8, 16, 32, 64, 128, 256]
    case .connections: isQuick ? [1, 50, 500, 5_000] : [1, 10, 50, 200, 1_000, 5_000]
    case .loops: [1, 2]
    case .drones: isQuick ? [1, 2, 6] : [1, 2, 3, 6]
    }
  }

  func setting(at value: Int) -> Setting {
    var setting = Setting()
    switch self {
    case .valueBytes: setting.valueBytes = value
    case .pipeline: setting.pipeline = value
    case .connections: setting.connections = value
    case .loops: setting.loops = value
    case .drones: setting.drones = value
    }
    return setting
  }
}
