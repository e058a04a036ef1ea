import Glibc

/// Ends a cluster's processes: drones first, the database when they have handed over what only they had, then the
/// others. A drone is not ended against its will unless that is asked for: what it waits for may be all that there is
/// of a write that somebody was told is safe.
struct OrderlyStop {
  let directory: ClusterDirectory
  let manner: StopManner

  /// What a database takes at most to end by itself, and some more.
  private static let databasePatience = Duration.seconds(45)
  /// The same for a drone that was told twice.
  private static let lastPatience = Duration.seconds(3)
  /// When somebody who waits is told for the first time what for, and then again and again.
  private static let silence = Duration.seconds(2)
  private static let pause = Duration.seconds(5)

  /// Blocks, on purpose: a task that was cancelled has to take its processes down all the same.
  /// - Returns: the processes that had to be killed. Those that are left are in the record when this throws.
  /// - Throws: `LocalClusterError` with the fault `unfinished` when drones were left waiting.
  func run(_ record: inout ClusterRecord) throws(LocalClusterError) -> [ClusterRecord.Process] {
    var killed = try endDrones(&record)
    // They have ended, and what they had is on the disk: a database that hangs has nothing that could be lost.
    try ask(.database, in: &record)
    let databases = record.processes.filter { $0.role == .database }
    wait(for: databases, atMost: manner.afterwards == .end ? manner.patience : Self.databasePatience) { _ in
      ""
    }
    killed += ProcessRoster.kill(databases)
    let others = record.processes.filter { $0.role != .database && $0.role != .drone }
    killed += ProcessRoster.stop(others)
    record.processes = []
    try record.save(to: directory)
    return killed
  }

  /// Ends one process; the others go on running.
  /// - Throws: `LocalClusterError` with the fault `unfinished` when it is a drone that was left waiting.
  func end(_ name: String, _ record: inout ClusterRecord) throws(LocalClusterError) {
    try ask(name: name, in: &record)
    let processes = record.processes.filter { $0.name == name }
    let isDrone = processes.contains { $0.role == .drone }
    let rest = wait(for: processes, atMost: isDrone ? manner.patience : Self.databasePatience) {
      isDrone ? word(of: $0) : ""
    }
    guard !rest.isEmpty else { return }
    guard !isDrone || manner.afterwards == .end || manner.isHurried() else { throw unfinished(rest, record) }
    for process in rest { manner.tell("\(process.name) is killed") }
    _ = ProcessRoster.kill(rest)
  }

  private func endDrones(_ record: inout ClusterRecord) throws(LocalClusterError) -> [ClusterRecord.Process] {
    let isNew = try ask(.drone, in: &record)
    let drones = record.processes.filter { $0.role == .drone }
    // Whom an earlier stop asked has had his time.
    let patience = manner.afterwards == .end && !isNew ? .zero : manner.patience
    let rest = wait(for: drones, atMost: patience, word)
    guard !rest.isEmpty else { return [] }
    guard manner.afterwards == .end || manner.isHurried() else { throw unfinished(rest, record) }
    for drone in rest {
      manner.tell("\(drone.name) is ended, and what only it has is lost: \(word(of: drone))")
      drone.identity.send(signal: SIGTERM)
    }
    return ProcessRoster.kill(wait(for: rest, atMost: Self.lastPatience) { _ in "" })
  }

  /// Asks those that nobody has asked: a second signal would end them at once.
  /// - Returns: whether there were any.
  @discardableResult
  private func ask(
    _ role: ProcessRole? = nil, name: String? = nil, in record: inout ClusterRecord
  ) throws(LocalClusterError) -> Bool {
    let indices = record.processes.indices.filter { index in
      let process = record.processes[index]
      return (role.map { $0 == process.role } ?? true) && (name.map { $0 == process.name } ?? true)
        && process.identity.isRunning && !wasAsked(process)
    }
    guard !indices.isEmpty else { return false }
    for index in indices { record.processes[index].wasAsked = true }
    try record.save(to: directory)
    for index in indices { record.processes[index].identity.send(signal: SIGTERM) }
    return true
  }

  private func wasAsked(_ process: ClusterRecord.Process) -> Bool {
    process.wasAsked == true || ending(of: process) != nil
  }

  /// Waits until they are gone, and says from time to time what for.
  /// - Returns: those that are not.
  @discardableResult
  private func wait(
    for processes: [ClusterRecord.Process], atMost patience: Duration,
    _ word: (ClusterRecord.Process) -> String
  ) -> [ClusterRecord.Process] {
    let start = ContinuousClock.now
    var nextLine = start + Self.silence
    var rest = processes
    while true {
      rest = ProcessRoster.waitUntilGone(rest, for: .milliseconds(100))
      let now = ContinuousClock.now
      guard !rest.isEmpty, now < start + patience, !manner.isHurried() else { return rest }
      guard now >= nextLine else { continue }
      nextLine = now + Self.pause
      for process in rest {
        let word = word(process)
        manner.tell("waiting for \(process.name)\(word.isEmpty ? "" : ": \(word)")")
      }
    }
  }

  // MARK: What drones say

  /// What it waits for, in its own words; nil when it has not said, or when that was another life of it.
  private func ending(of process: ClusterRecord.Process) -> String? {
    let path = directory.ending(of: process.name)
    // The node's user writes it, and root may read it: nothing to wait on, and nothing for a terminal to obey.
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let lines = readSmallFile(path, limit: 4096)?.split(separator: "\n"), lines.count == 2,
      lines[0] == "\(process.pid)"
    else { return nil }
    return String(
      lines[1].unicodeScalars.filter { $0.isASCII && $0.value >= 32 && $0.value < 127 }.map(Character.init))
  }

  private func word(of drone: ClusterRecord.Process) -> String {
    ending(of: drone) ?? "it does not say what for; it may hang, and may have what nobody else has"
  }

  private func unfinished(
    _ drones: [ClusterRecord.Process], _ record: ClusterRecord
  ) -> LocalClusterError {
    let names = drones.map(\.name).joined(separator: ", ")
    let words = drones.map { "\($0.name): \(word(of: $0))" }.joined(separator: ". ")
    let absent = record.processes.filter { $0.role == .database && !$0.identity.isRunning }.map { database in
      "\(database.name) does not run: keyval cluster restart \(database.name) --directory \(directory.path) starts "
        + "it. "
    }
    let patience = manner.patience.components.seconds
    return LocalClusterError(
      .unfinished,
      "\(names) did not end within \(patience) s, and \(drones.count == 1 ? "goes" : "go") on waiting, as the rest of "
        + "the cluster goes on running, so that nothing is lost. \(words). \(absent.joined())See to the database and "
        + "stop the cluster once more; or let keyval cluster stop --force --directory \(directory.path) end "
        + "everything at once, and lose what only \(names) may have.")
  }
}
