import LocalTrust

/// Why a cluster on this machine could not be started, examined or stopped.
public struct LocalClusterError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Fault: Equatable, Sendable {
    /// The directory, a file in it, or an argument is not what it should be.
    case input
    /// The operating system refused something.
    case system
    /// A process did not do what it was started for.
    case process
    /// It takes longer than was to be waited: it goes on, or may be tried again.
    case unfinished
    /// Somebody asked us to stop.
    case interrupted
  }

  public let fault: Fault
  /// What went wrong and what to do about it.
  public let description: String

  public init(_ fault: Fault, _ description: String) {
    self.fault = fault
    self.description = description
  }

  /// What is wrong with a file, or with the way to it.
  init(_ error: TrustError) { self.init(.input, error.description) }

  /// With the operating system's reason, from errno.
  static func system(_ what: String, code: Int32) -> LocalClusterError {
    LocalClusterError(.system, "\(what): \(reason(code))")
  }
}
