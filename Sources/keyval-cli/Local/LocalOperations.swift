import Foundation
import Glibc
import LocalCluster
import LocalTrust
import Provisioning

/// What `keyval cluster` and `keyval demo` have in common.
enum LocalOperations {
  /// Starts a cluster, telling each step on standard error. A signal ends the start, and what it started;
  /// a second one does not wait for drones meanwhile.
  static func start(_ plan: ClusterPlan, in directory: ClusterDirectory, signals: SignalWatch) async throws {
    let program = try ownPath()
    try await beClient(of: directory, user: plan.user, signals) { output, probe in
      try await LocalCluster.start(
        plan, in: directory, program: program, reporter: StepReporter { output.write(remark: $0) },
        isHurried: { signals.isHurried },
        probe: { try await probe.isServing() })
    }
  }

  /// Ends one process of a cluster and starts it again. A signal ends the wait.
  static func restart(
    _ name: String, in directory: ClusterDirectory, patience: Duration, isForced: Bool, signals: SignalWatch
  ) async throws {
    let program = try ownPath()
    try await beClient(of: directory, user: ClusterPlan().user, signals) { output, probe in
      let manner = StopManner(
        patience: patience, afterwards: isForced ? .end : .leave, tell: { output.write(remark: $0) },
        isHurried: { signals.isHurried })
      try await LocalCluster.restart(
        name, in: directory, program: program, manner, reporter: StepReporter { output.write(remark: $0) },
        probe: { try await probe.isServing() })
    }
  }

  /// Runs what makes a cluster serve, as a client of that cluster, and tells how long it took. A signal cancels it.
  private static func beClient(
    of directory: ClusterDirectory, user: String, _ signals: SignalWatch,
    _ body: @escaping @Sendable (StandardOutput, ServingProbe) async throws -> Void
  ) async throws {
    let output = StandardOutput()
    let began = ContinuousClock.now
    // Set here and nowhere else: no other thread runs yet that might be reading the environment.
    for (name, value) in LocalCluster.environment(of: directory, user: user) { setenv(name, value, 1) }
    let probe = ServingProbe()
    let working = Task { try await body(output, probe) }
    signals.onSignal { _ in working.cancel() }
    do {
      try await working.value
    } catch {
      if let signal = signals.received {
        throw Failure(interruptedBy: signal)
      }
      throw error
    }
    let tenths = Int(((ContinuousClock.now - began) / .milliseconds(100)).rounded())
    output.write(remark: "        serving after \(tenths / 10).\(tenths % 10) s")
  }

  /// A directory of our own that the nodes' users can reach.
  static func temporaryDirectory() throws -> ClusterDirectory {
    let parents = [ProcessEnvironment["TMPDIR"], "/tmp", "/var/tmp"].compactMap { $0 }
    guard let parent = parents.first(where: { isOpenToOthers($0) && isTrusted($0) }) else {
      throw Failure(
        status: .systemFailure,
        sentence:
          "none of \(parents.joined(separator: ", ")) can hold a directory that the nodes' users may enter, and "
          + "that nobody but root and this user can exchange; set TMPDIR to one that can")
    }
    return try ClusterDirectory(temporaryIn: parent)
  }

  private static func isTrusted(_ path: String) -> Bool {
    (try? TrustedPath.checkFolder(path, .passable)) != nil
  }

  /// Root's nodes run as users without rights, who must be able to come down all the way.
  private static func isOpenToOthers(_ path: String) -> Bool {
    guard geteuid() == 0 else { return true }
    guard let resolved = realpath(path, nil) else { return false }
    defer { free(resolved) }
    var prefix = ""
    for component in String(cString: resolved).split(separator: "/") {
      prefix += "/\(component)"
      var status = stat()
      guard stat(prefix, &status) == 0, status.st_mode & 0o001 != 0 else { return false }
    }
    return true
  }

  /// Whose the files of a realm's daemons are: root administers as that user.
  static func owner(ofRealm directory: String) -> UnixUser {
    var status = stat()
    guard geteuid() == 0, stat(RealmLayout(directory: directory).kdcDirectory, &status) == 0 else {
      return .current
    }
    return UnixUser(uid: status.st_uid, gid: status.st_gid)
  }

  static func remove(_ directory: ClusterDirectory) {
    do {
      try FileManager.default.removeItem(atPath: directory.path)
    } catch {
      StandardOutput().write(remark: "\(directory.path) could not be removed: \(error)")
    }
  }

  /// The folder of this program, if a shell would not find this very program by its name.
  static func folderMissingOnPath() -> String? {
    guard let own = try? ownPath(), let end = own.lastIndex(of: "/") else { return nil }
    for folder in (ProcessEnvironment["PATH"] ?? "").split(separator: ":") {
      guard access("\(folder)/keyval", X_OK) == 0 else { continue }
      guard let resolved = realpath("\(folder)/keyval", nil) else { continue }
      defer { free(resolved) }
      return String(cString: resolved) == own ? nil : String(own[..<end])
    }
    return String(own[..<end])
  }

  private static func ownPath() throws -> String {
    guard let path = realpath("/proc/self/exe", nil) else {
      throw Failure(
        status: .systemFailure,
        sentence: "cannot find the program that runs: \(String(cString: strerror(errno)))")
    }
    defer { free(path) }
    return String(cString: path)
  }
}
