import NIOPosix

/// The threads on which GSSAPI steps run, which may wait for a KDC.
///
/// Initiating and accepting have threads of their own: a KDC that hangs stops a node from dialling, but not
/// from accepting, which needs no KDC. The queues are bounded by the caps on unauthenticated connections and
/// on dials.
public final class SecurityContextThreads: Sendable {
  let accepting: NIOThreadPool
  let initiating: NIOThreadPool

  /// - Parameters: how many steps of each kind run at once.
  public init(accepting: Int, initiating: Int) {
    self.accepting = NIOThreadPool(numberOfThreads: accepting)
    self.initiating = NIOThreadPool(numberOfThreads: initiating)
    self.accepting.start()
    self.initiating.start()
  }

  /// For everything in this process that does not bring its own. Never shut down.
  public static let shared = SecurityContextThreads(accepting: 4, initiating: 8)

  public func shutDown() async {
    try? await accepting.shutdownGracefully()
    try? await initiating.shutdownGracefully()
  }
}
