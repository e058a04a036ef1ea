import MutantSwitches
import Cluster

/// The access list of a data loop, and how many it has had, so that its sessions notice a new one. All loops of a
/// drone are given the same lists in the same order, so these numbers mean the same on each.
public struct InstalledAccessList: Sendable {
  public private(set) var list: AccessList?
  /// Whether a refusal by this list is the cluster's word: a commander has just said that it is in force. A drone that
  /// was removed or is cut off would else tell a client for ever that it has no right, which it was given since.
  public var mayDeny = false
  public private(set) var edition: UInt64 = 0

  public init() {}

  public mutating func install(_ list: AccessList) {
    self.list = list
    edition &+= 1
  }

  /// Whether a request that another loop has let through by its list of that number may be executed on this one.
  /// A loop that hung may let through by an old list what this one would execute under a fresh lease; with an
  /// older list than that loop's, this one has no lease that outlives it.
  public func accepts(edition: UInt64) -> Bool { edition >= self.edition }
}

/// What the client of one session may do. It is asked before a request is executed, or handed on to another loop;
/// before anybody looks whose partition the key is in or whether it is there, so that a refusal tells nothing of
/// either.
public struct ClientAccess: Sendable {
  public enum Verdict: Sendable {
    case permitted
    case denied
    /// This drone has no access list yet, so nobody has rights here, or it cannot know whether its list is still in force.
    case undecided
  }

  private let principal: Principal?
  private var rights = AccessRights.none
  /// False before there is a list, and while this drone may not deny.
  private var isDecided = false
  /// Of the list that it goes by.
  public private(set) var edition: UInt64 = 0

  /// - Parameter principal: as the handshake proved it. One that is no principal has no rights.
  public init(principal: String) { self.principal = try? Principal(principal) }

  /// Once a read cycle: takes up the newest list.
  public mutating func follow(_ installed: InstalledAccessList) {
    isDecided = installed.list != nil && installed.mayDeny
    guard installed.edition != edition else { return }
    edition = installed.edition
    if let list = installed.list, let principal { rights = list.rights(of: principal) }
  }

  /// Whether an answer to a write may tell what was there before. By the same list as the verdict.
  public func mayRead(keyOf request: DataRequest) -> Bool {
    guard case .write(let request) = request else { return true }
    // Nobody is let through to an operation that tells it by itself who may not read the key.
    return request.kind.operation.rights.contains(.get) || rights.permits(.get, on: request.key)
  }

  /// The limit that its line puts on a request on a key. By the same list as the verdict.
  public func limit(on request: DataRequest) -> RequestLimit? {
    request.key.flatMap { rights.limit(on: $0) }
  }

  /// The quota that its line puts on what a request stores. By the same list as the verdict.
  public func quota(on request: DataRequest) -> Quota? {
    guard case .write(let request) = request, request.value != nil, var quota = rights.quota(on: request.key)
    else { return nil }
    quota.edition = edition
    return quota
  }

  /// Where the nodes are everybody may know who has been let in: it is how a client finds them.
  public func verdict(on request: DataRequest) -> Verdict {
    if MutantSwitch.ignoreAccessList.isOn {
      return .permitted
    }
    if MutantSwitch.trustRetries.isOn {
      if case .write(let request) = request, request.isRetry { return .permitted }
    }
    let isPermitted =
      switch request {
      case .introduce, .topology, .unreachable: true
      case .status: rights.permits(.status)
      case .read(let request): rights.permits(request.kind.operation.rights, on: request.key)
      case .write(let request): rights.permits(request.kind.operation.rights, on: request.key)
      case .administer, .sessions: rights.permits(.administer)
      }
    // Without a list the rights are none.
    return isPermitted ? .permitted : isDecided ? .denied : .undecided
  }
}

extension ClientAccess.Verdict {
  /// What a client is told whose request is not executed; nil when it is.
  public func refusal(number: UInt64) -> DataAnswer? {
    switch self {
    case .permitted: nil
    case .denied: .failed(number: number, .notPermitted)
    case .undecided: .unavailable(number: number, .noCommander)
    }
  }
}
