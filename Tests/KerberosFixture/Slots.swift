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

  private static let count = 64
  private static let next = Mutex(0)

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
    let number = next.withLock { next in
      defer { next += 1 }
      return next
    }
    guard number < count else { throw FixtureError("More than \(count) realms in one process.") }
    let directory = "\(base)/\(number)"
    guard mkdir(directory, 0o755) == 0 else { throw FixtureError("\(directory) cannot be made.") }
    return Slot(
      number: number, realm: "R\(number)-\(getpid()).KEYVAL.TEST", directory: directory,
      configuration: "\(base)/krb5.conf.\(number)")
  }

  /// Puts a realm's configuration where libkrb5 finds it.
  static func publish(_ configuration: String, in slot: Slot) throws {
    guard symlink(configuration, slot.configuration) == 0 else {
      throw FixtureError("\(slot.configuration) cannot be made.")
    }
  }
}
