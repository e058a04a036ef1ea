import Cluster

/// Whether a grant that is shown opens what is asked for. Only the fences are left to the store, which checks
/// them, and the term once more, inside the transaction that raises them.
struct GrantCheck {
  let identity: DatabaseIdentity
  /// The highest term that is stored.
  let term: Term
  let keys: SealingKeyRing

  /// - Parameters:
  ///   - life: the earlier life of the holder that it says it stands for. Whether that one may be stood for is compared
  ///     with what is stored.
  ///   - holder: the GSSAPI peer that shows the grant.
  ///   - incarnation: that of the grants that were shown before on this session; nil for the first. A session
  ///     is one process's, and that has one incarnation.
  func opening(
    _ sealed: SealedGrant, _ partitions: PartitionSet, copy: FencingToken? = nil, life: Incarnation? = nil,
    holder: Principal, incarnation: Incarnation?
  ) throws(GrantError) -> PartitionOpening {
    guard sealed.cluster == identity.cluster else { throw .otherCluster(sealed.cluster) }
    guard sealed.database == identity.database else { throw .otherDatabase(sealed.database) }
    guard let key = keys.key(of: sealed.term, identifier: sealed.keyIdentifier) else {
      throw .unknownKey(term: sealed.term)
    }
    let grant = try sealed.opened(with: key)
    guard sealed.drone == holder else { throw .borrowed(holder: sealed.drone) }
    if let incarnation, grant.incarnation != incarnation { throw .otherIncarnation }
    guard grant.token.term == term else { throw .expired(term: grant.token.term, current: term) }
    if let uncovered = partitions.subtracting(grant.partitions).first(where: { _ in true }) {
      throw .notCovered(uncovered)
    }
    return PartitionOpening(
      holder: holder, incarnation: grant.incarnation, token: grant.token, mode: grant.mode, copy: copy,
      life: life, partitions: partitions)
  }
}
