import Cluster
import Logging
import Synchronization

/// Notices that the operator has changed who may enroll and remove nodes. A configuration that is wrong changes
/// nothing: the last good list stays in force, and the log says so once.
final class AdministratorsWatch: Sendable {
  enum Finding: Sendable {
    case unchanged
    case changed(Set<Principal>)
    /// A sentence for the log.
    case useless(reason: String)
  }

  private struct State {
    /// Of the file that was read last; nil: there was none.
    var stamp: FileStamp?
    var administrators: Set<Principal>
    /// What the log says of the file. Nil: nothing is wrong.
    var complaint: String?
  }

  private let configuration: NodeConfiguration
  private let state: Mutex<State>

  /// Reads the list anew at once: a process that has stood by may have started long ago. Blocks.
  /// - Returns: the watch, and what was wrong with the file, a sentence for the log.
  static func begin(_ configuration: NodeConfiguration) -> (watch: AdministratorsWatch, problem: String?) {
    let watch = AdministratorsWatch(configuration)
    guard case .useless(let reason) = watch.look() else { return (watch, nil) }
    return (watch, reason)
  }

  private init(_ configuration: NodeConfiguration) {
    self.configuration = configuration
    state = Mutex(
      State(stamp: nil, administrators: Set(configuration.authoritySettings?.administrators ?? [])))
  }

  /// Who they are by the last good list. May be asked on any thread.
  var current: Set<Principal> { state.withLock { $0.administrators } }

  static func warn(_ reason: String, _ logger: Logger) {
    logger.error(
      "list of administrators not taken; the last good one stays in force",
      metadata: [NodeLogging.Key.reason: "\(reason)"])
  }

  /// Looks at the configuration's file, and reads the list if it is another file than the last time, or was not to be
  /// believed: what was wrong with it may have been a folder on the way. Blocks.
  func look() -> Finding {
    // Before the content: what changes in between is noticed the next time.
    let stamp = FileStamp(of: configuration.file)
    guard state.withLock({ stamp != $0.stamp || $0.complaint != nil }) else { return .unchanged }
    let newer: Set<Principal>
    do throws(NodeError) {
      newer = Set(try configuration.rereadAdministrators())
    } catch {
      // Once for each state of the file, and for each thing that is wrong with it.
      return state.withLock { state in
        let isKnown = stamp == state.stamp && error.description == state.complaint
        (state.stamp, state.complaint) = (stamp, error.description)
        return isKnown ? .unchanged : .useless(reason: error.description)
      }
    }
    return state.withLock { state in
      (state.stamp, state.complaint) = (stamp, nil)
      guard newer != state.administrators else { return .unchanged }
      state.administrators = newer
      return .changed(newer)
    }
  }
}
