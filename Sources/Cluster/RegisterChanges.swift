/// What comes of each change of a register, as functions: a register at rest applies them in its transactions, and what
/// stands in for it where there is no disk does, too.
extension RegisterContents {
  /// After a compare-and-set of the office; nil when the record may not follow, or when the ballot of a claim went
  /// by another version of the membership than the present one.
  public func replacing(_ record: OfficeRecord, membership version: UInt64?) -> RegisterContents? {
    if office == record { return self }
    guard record.mayFollow(office), version == nil || version == membership.version else { return nil }
    var membership = membership
    if let version { membership.count(version) }
    return RegisterContents(office: record, nodes: nodes, membership: membership, stores: stores)
  }

  /// With a node; one that was no member becomes one, one that is revoked does not.
  public func storing(_ node: EnrolledNode) -> RegisterContents {
    let principal = node.node.principal
    guard !membership.isRevoked(principal) else { return self }
    var membership = membership
    if !nodes.contains(where: { $0.node.principal == principal }) { membership.add(principal) }
    return RegisterContents(
      office: office, nodes: nodes.filter { $0.node.principal != principal } + [node], membership: membership,
      stores: stores)
  }

  /// Without a node, unless the membership has another version by now.
  public func removing(_ node: Principal, isDead: Bool, membership version: UInt64) -> RegisterContents {
    let isMember = nodes.contains { $0.node.principal == node }
    guard membership.version == version, isMember || isDead else { return self }
    var membership = membership
    membership.remove(node, isDead: isDead)
    return RegisterContents(
      office: office, nodes: nodes.filter { $0.node.principal != node }, membership: membership,
      stores: stores)
  }

  public func readmitting(_ node: Principal) -> RegisterContents {
    var membership = membership
    membership.readmit(node)
    return RegisterContents(office: office, nodes: nodes, membership: membership, stores: stores)
  }

  public func counting(_ version: UInt64) -> RegisterContents {
    var membership = membership
    membership.count(version)
    return RegisterContents(office: office, nodes: nodes, membership: membership, stores: stores)
  }

  /// Compares the store that a database shows with the one that is known. The first one, and one that continues it, are
  /// known from then on.
  /// - Parameter now: seconds since 1970.
  public func judging(
    _ mark: StoreMark, of database: Principal, now: Int64
  ) -> (RegisterContents, StoreJudgement) {
    let judgement = StoreJudgement(of: mark, known: stores[database], now: now)
    guard case .accepted(let known) = judgement else { return (self, judgement) }
    return (knowing(known, of: database), judgement)
  }

  /// With the store of a database, whatever was known before.
  public func knowing(_ store: KnownStore, of database: Principal) -> RegisterContents {
    var stores = stores
    stores[database] = store
    return RegisterContents(office: office, nodes: nodes, membership: membership, stores: stores)
  }
}
