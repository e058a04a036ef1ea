import Cluster

/// What an operator's order about the sessions of a drone comes to. Whether he has the right to it has been asked before.
public enum SessionJudgement: Hashable, Sendable {
  /// Show those with a higher number than this, in order of number, so many at most.
  case list(after: UInt64, limit: Int)
  /// End the one of that number, if there is one.
  case end(UInt64)
  /// End all of a principal but for the one of that number.
  case endAll(of: Principal, but: UInt64)
  case refuse(AdministratorReply)

  /// - Parameter session: the one on which it is asked: that one is never among those that end.
  public init(of order: SessionOrder, on session: UInt64) {
    switch order {
    case .list(let last): self = .list(after: last, limit: SessionPage.limit)
    case .end(session):
      self = .refuse(
        AdministratorReply(
          isAccepted: false, sentence: "session \(session) is the one on which this is asked"))
    case .end(let other): self = .end(other)
    case .endAll(let principal): self = .endAll(of: principal, but: session)
    }
  }

  /// - Parameter owner: whose the ended session was; nil when there was none of that number.
  public static func reply(ended session: UInt64, of owner: String?) -> AdministratorReply {
    guard let owner else {
      return AdministratorReply(isAccepted: false, sentence: "there is no session \(session)")
    }
    return AdministratorReply(isAccepted: true, sentence: "ended session \(session) of \(owner)")
  }

  /// - Parameter count: how many have been ended.
  public static func reply(ended count: Int, of principal: Principal) -> AdministratorReply {
    guard count > 0 else {
      return AdministratorReply(isAccepted: false, sentence: "there is no session of \(principal) to end")
    }
    return AdministratorReply(
      isAccepted: true, sentence: "ended \(count) session\(count == 1 ? "" : "s") of \(principal)")
  }
}
