import Glibc
import LocalTrust

/// The running krb5kdc and kadmind of one realm.
///
/// They are children of this process as long as it lives, and go on when it ends. Whoever started them stops
/// them: by `stop()`, or by their identities.
public struct RealmDaemons: Sendable {
  public let kdc: ProcessIdentity
  public let kadmind: ProcessIdentity

  /// Ends both: asks, waits up to five seconds, then insists. Processes that are gone already are no error, and those
  /// that have got their numbers since are let alone.
  public func stop() {
    for process in [kdc, kadmind] { process.send(signal: SIGTERM) }
    for process in [kdc, kadmind] { DaemonWatch(process: process).awaitEnd(within: 5) }
  }

  public var areRunning: Bool {
    DaemonWatch(process: kdc).isRunning && DaemonWatch(process: kadmind).isRunning
  }
}

/// One of a realm's daemons, by the name of its program.
public enum RealmDaemon: String, Sendable {
  case kdc = "krb5kdc"
  case kadmind
}

extension Realm {
  /// How often a start is tried when other processes are faster with our ports.
  private static let attempts = 8

  /// Starts krb5kdc and kadmind and returns when both answer and the KDC offers PKINIT: 20 ms or so.
  ///
  /// Ports that were not fixed by the settings are drawn anew when another process has taken them; `ports` and
  /// the configuration files say which ones they are.
  /// - Parameter clockOffset: seconds by which the KDC's clock is made to differ, for tests of skew.
  /// - Throws: `ProvisioningError`; nothing is left running.
  public mutating func start(clockOffset: Int = 0) throws(ProvisioningError) -> RealmDaemons {
    for attempt in 1... {
      do throws(ProvisioningError) {
        return try startOnce(clockOffset)
      } catch  where error.fault == .portTaken && settings.ports == nil && attempt < Self.attempts {
        ports = try RealmPorts.free()
        try RealmConfiguration(settings: settings, ports: ports, layout: layout).write(owner: owner)
      }
    }
    throw ProvisioningError(.portTaken, "No free ports were found for the realm \(name).")
  }

  /// Starts one of the two again, on the port it had, and returns the process when it answers.
  /// - Throws: `ProvisioningError`, also when it still runs or another process has taken its port.
  public func start(_ daemon: RealmDaemon) throws(ProvisioningError) -> ProcessIdentity {
    let (words, port, output) =
      switch daemon {
      case .kdc: ([try Programs.krb5kdc(), "-n", "-r", name], ports.kdc, layout.kdcOutput)
      case .kadmind: ([try Programs.kadmind(), "-nofork", "-r", name], ports.kadmind, layout.kadmindOutput)
      }
    let process = try launch(daemon, words, output: output)
    do throws(ProvisioningError) {
      try awaitAnswer(process, port, daemon.rawValue, output)
      if daemon == .kdc { try probePKINIT() }
    } catch {
      DaemonWatch(process: process).end()
      throw error
    }
    return process
  }

  private func startOnce(_ clockOffset: Int) throws(ProvisioningError) -> RealmDaemons {
    // MIT's daemons would share a taken port without a word; see DaemonWatch.listener.
    guard ports.areFree(on: settings.host) else {
      throw ProvisioningError(
        .portTaken,
        "Another process uses one of the ports \(ports.kdc), \(ports.kadmind) and \(ports.kpasswd) on "
          + "\(settings.host), or the address is not this machine's. End it, or give the realm other ports.")
    }
    var kdcWords = [try Programs.krb5kdc(), "-n", "-r", name]
    if clockOffset != 0 { kdcWords += ["-T", String(clockOffset)] }
    let kdc = try launch(.kdc, kdcWords, output: layout.kdcOutput)
    let kadmind: ProcessIdentity
    do throws(ProvisioningError) {
      kadmind = try launch(
        .kadmind, [try Programs.kadmind(), "-nofork", "-r", name], output: layout.kadmindOutput)
    } catch {
      DaemonWatch(process: kdc).end()
      throw error
    }
    let daemons = RealmDaemons(kdc: kdc, kadmind: kadmind)
    do throws(ProvisioningError) {
      try awaitAnswer(kdc, ports.kdc, "krb5kdc", layout.kdcOutput)
      try awaitAnswer(kadmind, ports.kadmind, "kadmind", layout.kadmindOutput)
      try probePKINIT()
    } catch {
      daemons.stop()
      throw error
    }
    return daemons
  }

  private func launch(
    _ daemon: RealmDaemon, _ words: [String], output path: String
  ) throws(ProvisioningError) -> ProcessIdentity {
    let input = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
    try RealmFile.write("", to: path, mode: 0o600, owner: owner)
    let output = Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
    defer {
      close(input)
      close(output)
    }
    guard input >= 0, output >= 0 else { throw .system("\(path) cannot be written", errno) }
    // The folder is the daemons' user's, who may have put another file there meanwhile: root writes to none but his.
    var status = stat()
    guard fstat(output, &status) == 0, status.st_uid == owner.uid, status.st_nlink == 1 else {
      throw ProvisioningError(
        .input, "\(path) was exchanged while \(name)'s daemons were started: remove it.")
    }
    let child = try ChildProcess.spawn(
      words, environment: layout.serverEnvironment, user: owner, input: input, output: output)
    guard let process = ProcessIdentity(child: child.pid, becoming: owner.uid, by: owner.changerName) else {
      _ = child.wait()
      throw ended(daemon.rawValue, path)
    }
    return process
  }

  /// Connects until the daemon listens, and makes sure that nobody else does.
  private func awaitAnswer(
    _ daemon: ProcessIdentity, _ port: UInt16, _ program: String, _ output: String
  ) throws(ProvisioningError) {
    let watch = DaemonWatch(process: daemon)
    let deadline = monotonicMilliseconds() + 10_000
    while monotonicMilliseconds() < deadline {
      let isAnswering = ProbeSocket(type: SOCK_STREAM)?.connect(settings.host, port) ?? false
      let listener = isAnswering ? try DaemonWatch.listener(daemon.pid, port: port) : .nobody
      guard watch.isRunning else { throw ended(program, output) }
      switch listener {
      case .thisProcess: return
      case .another:
        throw ProvisioningError(
          .portTaken,
          "Another process listens on \(settings.host):\(port), where \(program) of the realm "
            + "\(name) should. End it, or give the realm another port.")
      case .nobody: usleep(1_000)  // between two probes
      }
    }
    throw ProvisioningError(.program, "\(program) runs but does not answer on \(settings.host):\(port).")
  }

  private func ended(_ program: String, _ output: String) -> ProvisioningError {
    let log = program == "krb5kdc" ? layout.kdcLog : layout.kadmindLog
    let texts = [output, log].map { (try? RealmFile.read($0)) ?? "" }
    let lines = texts.joined(separator: "\n").split(separator: "\n")
    let reason = lines.last { $0.contains("Address already in use") } ?? lines.last ?? "it said nothing"
    let isTaken = reason.contains("Address already in use") || reason.contains("in use")
    return ProvisioningError(
      isTaken ? .portTaken : .program,
      "\(program) of the realm \(name) ended at once: \(reason). See \(log).")
  }

  /// The KDC starts even when its certificate is missing or broken, and then merely offers no PKINIT: no
  /// commander could ever be certified. So we ask it without proving anything, and read what it offers.
  private func probePKINIT() throws(ProvisioningError) {
    let outcome = try ProgramRun.run(
      [try Programs.kinit(), "-c", "MEMORY:probe", authorityPrincipal],
      environment: layout.clientEnvironment.merging(["KRB5_TRACE": "/dev/stdout", "LC_ALL": "C"]) { $1 },
      user: owner)
    guard outcome.output.contains("PA-PK-AS-REQ") else {
      throw ProvisioningError(
        .program,
        "The KDC of \(name) runs but offers no PKINIT, so that no commander can be certified. Check that "
          + "krb5-pkinit is installed and that \(layout.kdcCertificate) and its key are the KDC's. "
          + "What it answered: \(outcome.output)")
    }
  }
}

private func monotonicMilliseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}
