import Glibc
import Keyval

extension ClusterFixture {
  /// Puts a list in the place of the one that is there, as an operator should: whole, by a rename.
  public func replaceAccessList(_ lines: String...) throws {
    let path = directory.accessList
    let text = [UInt8](lines.map { $0 + "\n" }.joined().utf8)
    let descriptor = open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw ClusterFixtureError("\(path).new cannot be made") }
    defer { close(descriptor) }
    guard write(descriptor, text, text.count) == text.count, fchmod(descriptor, 0o644) == 0,
      rename(path + ".new", path) == 0
    else { throw ClusterFixtureError("\(path) cannot be replaced") }
  }

  /// What alice has at the beginning.
  public var aliceMayEverything: String { "\(principal("alice")) *" }
}
