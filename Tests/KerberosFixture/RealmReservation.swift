import Glibc

/// A place for a realm that somebody else makes: a name that no other realm of this machine's tests has, a
/// directory, and a place in the list that `KRB5_CONFIG` is.
///
/// When it is released, when nobody refers to it any more and when the test process dies, every process is
/// ended whose `KRB5_CONFIG` is a file in the directory, and the directory is removed.
public final class RealmReservation: Sendable {
  /// The name that the realm is to have.
  public let realm: String
  /// Others may pass through it: root's nodes run as another user.
  public let directory: String

  private let slot: Slots.Slot
  private let watcher: Watcher

  public init() throws {
    slot = try Slots.take()
    realm = slot.realm
    directory = slot.directory
    watcher = try Watcher(slot)
    watcher.lookAfterAll()
    let base = directory.split(separator: "/").dropLast().joined(separator: "/")
    guard chmod("/\(base)", 0o711) == 0 else { throw FixtureError("/\(base) cannot be opened to others.") }
  }

  /// Has this process find the realm. The file need not be there yet.
  public func publish(configuration path: String) throws { try Slots.publish(path, in: slot) }

  /// Harmless to repeat.
  public func release() { watcher.dismiss() }
}
