/// What a log says of itself.
extension AuditEvent {
  static let openedAction = "opened"
  static let started = "started"
  static let fileGone = "the file before was gone"
  static let closedAction = "closed"
  static let lostAction = "lost"
  static let alteredAction = "altered"

  /// A process begins to write.
  /// - Parameters:
  ///   - principal: whose log it is.
  ///   - file: its path.
  public static func started(
    of principal: String, at address: String, file: String, version: String
  ) -> AuditEvent {
    AuditEvent(
      .log, openedAction, outcome: started, principal: principal, address: address, subject: file,
      reason: "version \(version)")
  }

  /// A file is begun because the one before is full, or is not there any more.
  public static func opened(file: String, insteadOfAnother: Bool) -> AuditEvent {
    AuditEvent(.log, openedAction, outcome: insteadOfAnother ? fileGone : "rotated", subject: file)
  }

  /// The process ends in order.
  public static let closed = AuditEvent(.log, closedAction, outcome: "stopped")

  /// So many events were not written before this one.
  public static func lost(_ count: UInt64) -> AuditEvent {
    AuditEvent(.log, lostAction, outcome: "not written", count: count)
  }

  /// Somebody else wrote to the file, or cut it.
  public static func altered(expected: Int, found: Int) -> AuditEvent {
    AuditEvent(
      .log, alteredAction, outcome: "by another hand",
      reason: "the file has \(found) bytes, and \(expected) were written")
  }
}
