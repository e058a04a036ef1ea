import Cluster
import Kerberos

/// An administrator's way to see and to change who belongs to the cluster.
public struct MembershipClient: Sendable {
  private let exchange: AuthorityExchange

  /// - Parameters:
  ///   - authority: principal and address, from a configuration and not from a hello.
  ///   - standby: where to ask when nobody can be reached there.
  ///   - credential: of an administrator, `InitiatorCredential.fromCache`.
  public init(
    cluster: String, authority: RegisteredNode, standby: Endpoint? = nil, credential: InitiatorCredential
  ) {
    exchange = AuthorityExchange(
      cluster: cluster, authority: authority, standby: standby, credential: credential)
  }

  /// Who belongs to the cluster.
  /// - Throws: `TransportError` when the authority cannot be reached, `NodeError.unavailable` when it refuses or
  ///   does not answer.
  public func nodes(within seconds: Int64 = 20) async throws -> NodesAnswer {
    let request = NodesRequest(number: .random(in: .min ... .max))
    let answer = try await exchange.ask(.nodesRequest(request), within: seconds) { message in
      if case .nodesAnswer(let answer) = message, answer.number == request.number { answer } else { nil }
    }
    guard let answer else { throw silence("to the question for its nodes", "Its log says more.") }
    return answer
  }

  /// Has a node removed.
  /// - Parameter isDead: its process is off for good.
  /// - Returns: the version of the membership without it, and whether elections still take account of it.
  /// - Throws: as `nodes`.
  public func remove(
    _ node: Principal, isDead: Bool, within seconds: Int64 = 20
  ) async throws -> (version: UInt64, isPending: Bool) {
    let request = RemovalRequest(number: .random(in: .min ... .max), principal: node, isDead: isDead)
    let answer = try await exchange.ask(.removalRequest(request), within: seconds) { message in
      if case .removalAnswer(let answer) = message, answer.number == request.number { answer } else { nil }
    }
    switch answer?.outcome {
    case .pending(let version): return (version, true)
    case .removed(let version): return (version, false)
    case .refused(let reason):
      throw NodeError.unavailable(
        subject: "\(exchange.authority.principal)", problem: "does not remove \(node): \(reason)",
        remedy: "Nothing was changed.")
    case nil:
      throw silence("to the removal of \(node)", "‘keyval node list’ shows whether it was removed.")
    }
  }

  /// The databases' stores, as the cluster knows them.
  /// - Throws: as `nodes`.
  public func stores(within seconds: Int64 = 20) async throws -> StoresAnswer {
    let request = StoresRequest(number: .random(in: .min ... .max))
    let answer = try await exchange.ask(.storesRequest(request), within: seconds) { message in
      if case .storesAnswer(let answer) = message, answer.number == request.number { answer } else { nil }
    }
    guard let answer else { throw silence("to the question for the stores", "Its log says more.") }
    return answer
  }

  /// Has a store accepted that a database shows and may not use.
  /// - Throws: as `nodes`.
  public func accept(_ mark: StoreMark, of database: Principal, within seconds: Int64 = 20) async throws {
    let request = StoreAcceptance(number: .random(in: .min ... .max), database: database, mark: mark)
    let answer = try await exchange.ask(.storeAcceptance(request), within: seconds) { message in
      if case .storeAcceptanceAnswer(let answer) = message, answer.number == request.number {
        answer
      } else {
        nil
      }
    }
    guard let answer else {
      throw silence("to the acceptance of \(mark)", "‘keyval database list’ shows whether it was accepted.")
    }
    guard let reason = answer.refusal else { return }
    throw NodeError.unavailable(
      subject: "\(exchange.authority.principal)", problem: "does not accept \(mark): \(reason)",
      remedy: "Nothing was changed.")
  }

  private func silence(_ question: String, _ remedy: String) -> NodeError {
    .unavailable(
      subject: "\(exchange.authority.principal)", problem: "gave no answer \(question)",
      remedy: "Are you among the ‘administrators’ in its configuration? \(remedy)")
  }
}
