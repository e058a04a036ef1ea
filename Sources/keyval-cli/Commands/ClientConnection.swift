/// The way from the command line to the cluster.
enum ClientConnection {
  static func with<Result>(_ body: (any Backend) async throws -> Result) async throws -> Result {
    throw Failure(status: .unavailable, sentence: "the client library is not joined to this command yet")
  }
}
