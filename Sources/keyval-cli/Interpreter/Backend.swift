import Keyval

/// What the commands need of a cluster. The client library answers in production, a dictionary in the tests of
/// the interpreter.
protocol Backend: Sendable {
  func put(_ value: [UInt8], at key: [UInt8]) async throws
  /// Nil if there is no such key.
  func get(_ key: [UInt8]) async throws -> [UInt8]?
  /// Whether there was such a key; nil for who may not read it.
  func delete(_ key: [UInt8]) async throws -> Bool?
  func locate(_ key: [UInt8]) async throws -> LocationReport
  func status() async throws -> StatusReport
  /// An operator's order to the commander.
  func administer(_ order: AdministratorOrder, _ name: String) async throws -> AdministratorReply
  /// Needs no ticket. The address is `host:port`.
  func hello(_ address: String) async throws -> HelloReport
}
