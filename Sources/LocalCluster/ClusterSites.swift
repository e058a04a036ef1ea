/// Where the processes of a cluster run, and under which addresses they are reached. Usually that is this machine
/// and its loopback address; tests have hosts of their own.
///
/// A site goes by the name of a process (`krb5kdc`, `a1`, `db1`, `d1`, …; `kadmind` is where `krb5kdc` is) or of the
/// cluster's first user.
public protocol ClusterSites: Sendable {
  /// The IPv4 address that the process listens on.
  func address(of name: String) -> String

  /// Does something from the site: programs that the body starts run there, and sockets that it opens are there.
  /// The body does not leave the thread that it is called on.
  func at<Result>(_ name: String, _ body: () throws -> Result) throws -> Result
}

/// All of them here, on the loopback address.
public struct Loopback: ClusterSites {
  public init() {}
  public func address(of name: String) -> String { "127.0.0.1" }
  public func at<Result>(_ name: String, _ body: () throws -> Result) throws -> Result { try body() }
}
