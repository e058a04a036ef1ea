import Foundation
import Keyval
import Load
import Measuring

/// A cluster that has all keys of a setting, and the sessions that ask it.
final class Stage: Sendable {
  let setting: Setting
  private let cluster: MeasuredCluster
  private let generator: LoadGenerator
  private let keys: KeyNames
  private let path: String
  private let atFirst: Memory
  private let connectionBytes: Double?

  /// Bytes of memory of the nodes, and of disk.
  private struct Memory: Sendable {
    let drones: Double
    let databases: Double
    let disk: Double

    init(_ cluster: MeasuredCluster) throws {
      drones = try cluster.residentBytes(.drone)
      databases = try cluster.residentBytes(.database)
      disk = try cluster.databaseDiskBytes()
    }
  }

  /// Of fewer sessions than this the memory is less than what a process' memory moves by anyway.
  private static let countedConnections = 200

  /// - Parameters:
  ///   - count: of keys; nil: as many as there are usually.
  ///   - path: of a directory that is made.
  init(_ setting: Setting, keys count: Int? = nil, in path: String) async throws {
    self.setting = setting
    self.path = path
    keys = try KeyNames(length: Setting.keyBytes, count: count ?? setting.keys)
    cluster = try await Estate.cluster(
      in: path, drones: setting.drones, loops: setting.loops,
      // Beside those that ask there is the client's own.
      sessions: max(256, setting.connections + 32))
    let closed = try cluster.residentBytesOfDrones()
    generator = try await LoadGenerator(
      configuration: cluster.configuration, connections: setting.connections, loops: 1)
    try await generator.open()
    if setting.connections >= Self.countedConnections {
      // What the handshakes needed besides is gone soon after them.
      try await Task.sleep(for: .seconds(2))
      let opened = try cluster.residentBytesOfDrones()
      connectionBytes = (opened - closed) / Double(setting.connections)
    } else {
      connectionBytes = nil
    }
    atFirst = try Memory(cluster)
    _ = try await generator.load(plan(.put, pipeline: Setting().pipeline, extent: .seconds(1)))
    try await cluster.settle()
  }

  var processes: [ProcessFigures] { cluster.allProcesses }

  /// What the keys and the sessions take, once nothing is left to be done.
  func residentFigures() throws -> [Quantity: Double] {
    let (now, count) = (try Memory(cluster), Double(keys.count))
    var figures: [Quantity: Double] = [
      .entryBytes: (now.drones - atFirst.drones) / count,
      .databaseEntryBytes: (now.databases - atFirst.databases) / count,
      .diskEntryBytes: (now.disk - atFirst.disk) / count,
    ]
    figures[.connectionBytes] = connectionBytes
    return figures
  }

  /// One round, without end until the time is over; puts until the database has them.
  func measure(_ mix: OperationMix, pipeline: Int, seconds: Double) async throws -> [Quantity: Double] {
    let before = try Account(cluster)
    let outcome = try await generator.run(plan(mix, pipeline: pipeline, extent: .seconds(seconds)))
    guard outcome.failures == 0, outcome.misses == 0, outcome.answered > 0 else {
      throw BenchmarkError(
        "of \(outcome.answered) requests \(outcome.failures) failed, \(outcome.misses) found no value")
    }
    if mix.writes { try await cluster.settle() }
    let requests = Double(outcome.answered)
    var figures = (try Account(cluster) - before).figures.mapValues { $0 / requests }
    figures[.retries] = Double(outcome.retries) / requests
    figures[.requestsPerSecond] = outcome.perSecond
    figures[.p50Microseconds] = Double(outcome.all.percentile(50)) / 1_000
    figures[.p99Microseconds] = Double(outcome.all.percentile(99)) / 1_000
    figures[.askerMicroseconds] = outcome.cost
    return figures
  }

  private func plan(_ mix: OperationMix, pipeline: Int, extent: LoadPlan.Extent) -> LoadPlan {
    LoadPlan(
      mix: mix, keys: keys, valueBytes: setting.valueBytes, level: .memory, depth: pipeline, extent: extent)
  }

  /// How many entries a second come from the database when the cluster is started again, by the drones' logs.
  func loadAgain() async throws -> CostFigures.Loading {
    // What was needed for the puts alone is given back when nothing has come for a while.
    try await Task.sleep(for: .seconds(4))
    let figures = try residentFigures()
    await generator.close()
    let began = Date()
    let again = try await Estate.restart(cluster, in: path, drones: setting.drones, loops: setting.loops)
    let seconds = again.servedAt.timeIntervalSince(try again.loadingBegan(after: began))
    try Estate.stop(again)
    return CostFigures.Loading(
      valueBytes: setting.valueBytes, entries: keys.count, entriesPerSecond: Double(keys.count) / seconds,
      entryBytes: figures[.entryBytes] ?? .nan, diskEntryBytes: figures[.diskEntryBytes] ?? .nan)
  }

  func close() async throws {
    await generator.close()
    try Estate.stop(cluster)
  }
}

/// What the nodes have used so far.
private struct Account {
  /// Microseconds and bytes.
  let figures: [Quantity: Double]

  init(_ cluster: MeasuredCluster) throws {
    let time = try cluster.processorTime()
    let clients = try cluster.traffic(to: .drone)
    let stores = try cluster.traffic(to: .database)
    figures = [
      .droneMicroseconds: time.drones * 1_000_000, .databaseMicroseconds: time.databases * 1_000_000,
      .serverMicroseconds: time.all * 1_000_000,
      .kernelMicroseconds: try cluster.kernelTimeOfDrones() * 1_000_000,
      .requestBytes: clients.requests.bytes, .answerBytes: clients.answers.bytes,
      .segments: clients.requests.segments + clients.answers.segments,
      .nodeBytes: clients.others.bytes + stores.others.bytes,
      .writtenBytes: try cluster.writtenBytesOfDatabases(),
    ]
  }

  private init(_ figures: [Quantity: Double]) { self.figures = figures }

  static func - (left: Account, right: Account) -> Account {
    Account(left.figures.merging(right.figures, uniquingKeysWith: -))
  }
}
