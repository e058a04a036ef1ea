import Cluster
import Cryptography
import Storage
import Synchronization

/// Notices that the operator has changed the access list. A list that is wrong changes nothing: the last good one
/// stays in force, and the log says so once.
final class AccessListWatch: Sendable {
  enum Finding: Sendable {
    case unchanged
    case changed(NumberedAccessList)
    /// A sentence for the log.
    case useless(reason: String)
  }

  private struct State {
    /// Of what was read last, and by what it is known (empty: by nothing). Nil stamp: there was no file.
    var stamp: FileStamp?
    var digest: [UInt8]
    /// What the log says of it. Nil: nothing is wrong.
    var complaint: String?
  }

  private let file: AccessListFile
  private let register: AuthorityRegister
  private let holder: Incarnation
  private let state: Mutex<State>

  /// What is wrong with the file does not keep an authority from beginning: one that takes over is needed for
  /// elections, and until the file is mended the drones keep the list that they have. (A process does not start with
  /// such a file.)
  /// - Parameter holder: in whose name the register is written to.
  /// - Returns: the watch, and what it found at once.
  /// - Throws: `StoreError` for the register.
  static func begin(
    path: String, register: AuthorityRegister, holder: Incarnation
  ) throws(StoreError) -> (watch: AccessListWatch, finding: Finding) {
    let file = AccessListFile(path: path)
    // Before the content: what changes in between is noticed the next time.
    let stamp = FileStamp(of: file.path)
    let text: [UInt8]
    do throws(NodeError) {
      text = try file.read()
    } catch {
      let state = State(stamp: stamp, digest: [], complaint: error.description)
      let watch = AccessListWatch(file: file, register: register, holder: holder, state: state)
      return (watch, .useless(reason: error.description))
    }
    let digest = SHA256.hash(text)
    let version = try register.accessVersion(of: digest, holder: holder)
    let state = State(stamp: stamp, digest: digest)
    let watch = AccessListWatch(file: file, register: register, holder: holder, state: state)
    return (watch, .changed(NumberedAccessList(version: version, text: text)))
  }

  private init(file: AccessListFile, register: AuthorityRegister, holder: Incarnation, state: State) {
    self.file = file
    self.register = register
    self.holder = holder
    self.state = Mutex(state)
  }

  /// Looks at the file, and reads it if it is another than the last time, or was not to be believed: what was wrong with
  /// it may have been a folder on the way. Blocks.
  func look() -> Finding {
    state.withLock { state in
      let stamp = FileStamp(of: file.path)
      guard stamp != state.stamp || state.complaint != nil else { return .unchanged }
      let text: [UInt8]
      do throws(NodeError) {
        text = try file.read()
      } catch {
        // Once for each state of the file, and for each thing that is wrong with it.
        let isKnown = stamp == state.stamp && error.description == state.complaint
        (state.stamp, state.complaint) = (stamp, error.description)
        return isKnown ? .unchanged : .useless(reason: error.description)
      }
      let digest = SHA256.hash(text)
      guard digest != state.digest else {
        (state.stamp, state.complaint) = (stamp, nil)
        return .unchanged
      }
      do throws(StoreError) {
        let version = try register.accessVersion(of: digest, holder: holder)
        state = State(stamp: stamp, digest: digest)
        return .changed(NumberedAccessList(version: version, text: text))
      } catch {
        // Nothing is noted, so that it is tried again.
        return .useless(reason: error.description)
      }
    }
  }
}
