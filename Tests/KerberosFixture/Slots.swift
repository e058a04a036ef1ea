import Glibc
import Synchronization

/// The places that `KRB5_CONFIG` names. libkrb5 reads the whole list anew for each context and skips files that
/// are not there yet, so that realms can come while threads are running, without another `setenv`.
enum Slots {
  struct Slot {
    var number: Int
    /// Unlike that of any other process, so that nothing one reads about it can be another's.
    var realm: String
    var directory: String
    var configuration: String
  }

  /// As many realms at once. Each place costs every new context of libkrb5 a look, some 10 µs.
  private static let count = 64

  private struct State {
    var free = Array((0..<count).reversed())
    var realms = 0
  }
  private static let state = Mutex(State())

  /// The process's directory. Making it sets `KRB5_CONFIG`: the only time, and before any Kerberos call.
  private static let base = Result { () throws(FixtureError) -> String in
    var template = Array("/tmp/keyval-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FixtureError("No scratch directory can be made in /tmp.") }
    let base = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let list = (0..<count).map { "\(base)/krb5.conf.\($0)" }.joined(separator: ":")
    setenv("KRB5_CONFIG", list, 1)
    return base
  }

  static func take() throws -> Slot {
    let base = try base.get()
    let taken = state.withLock { state -> (slot: Int, realm: Int)? in
      guard let slot = state.free.popLast() else { return nil }
      state.realms += 1
      return (slot, state.realms)
    }
    guard let taken else { throw FixtureError("More than \(count) realms at once: close some.") }
    let directory = "\(base)/\(taken.slot)"
    // The last fixture that goes takes the directory of all with it, perhaps at this moment.
    for _ in 0..<100 {
      mkdir(base, 0o755)
      if mkdir(directory, 0o755) == 0 {
        return Slot(
          number: taken.slot, realm: "R\(taken.realm)-\(getpid()).KEYVAL.TEST", directory: directory,
          configuration: "\(base)/krb5.conf.\(taken.slot)")
      }
    }
    throw FixtureError("\(directory) cannot be made: \(String(cString: strerror(errno))).")
  }

  static func giveBack(_ slot: Slot) { state.withLock { $0.free.append(slot.number) } }

  /// Puts a realm's configuration where libkrb5 finds it.
  static func publish(_ configuration: String, in slot: Slot) throws {
    guard symlink(configuration, slot.configuration) == 0 else {
      throw FixtureError("\(slot.configuration) cannot be made.")
    }
  }
}
