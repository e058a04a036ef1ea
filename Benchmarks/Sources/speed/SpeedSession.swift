import Load
import Measuring

/// Everything in its order; what fails is told, and the next begins.
struct SpeedSession {
  let directory: String
  let pace: Pace
  let only: [String]
  var report = SpeedReport()
  private(set) var problems: [String] = []
  /// Processors that others kept busy, in each part.
  var bystanders: [Double] = []
  var othersKeptBusy: Double? { bystanders.max() }

  var certificates: String { "\(directory)/certificates" }

  init(directory: String, pace: Pace, only: [String]) {
    self.directory = directory
    self.pace = pace
    self.only = only
  }

  func wants(_ name: String) -> Bool { only.isEmpty || only.contains { name.hasPrefix($0) } }

  mutating func run() async {
    await attempt("TLS certificates") { session in
      try await TLSCertificates.make(in: session.certificates)
    }
    guard problems.isEmpty else { return }
    await attempt("one drone") { try await $0.measureOneDrone() }
    let entries = [EntryTrials.resident, EntryTrials.loading]
    if entries.contains(where: wants) { await attempt(entries[0]) { try await $0.measureEntries() } }
    if wants(EntryTrials.pause) { await attempt(EntryTrials.pause) { try await $0.measurePause() } }
    let names = [SingleTrials.Kind.secured.name, IdleNodes.name]
    if wants(names[0]) { await attempt(names[0]) { try await $0.measureTwoDrones() } }
    if wants(names[1]) { await attempt(names[1]) { try await $0.measureIdleNodes() } }
  }

  mutating func attempt(_ what: String, _ body: (inout SpeedSession) async throws -> Void) async {
    do { try await body(&self) } catch { problems.append("\(what): \(error)") }
  }
}
