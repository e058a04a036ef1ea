/// At commanders.
extension Catalogue {
  static let commanders: [Mutant] = [
    Mutant(
      "keepIncarnation", "Takes a restarted drone for the one that it was.", .foundBy(seed: 9),
      .instead(
        of: "members[index].incarnation = report.incarnation",
        "members[index].incarnation = members[index].incarnation ?? report.incarnation",
        in: "Commander/CommanderCore.swift")),
    Mutant(
      "mintWithoutTerm", "Mints tokens that do not name the term.", .foundBy(seed: 2),
      .expression(
        "FencingToken(term: identity.term, counter: grantCounter)",
        is: "FencingToken(term: Term(1), counter: grantCounter)", in: "Commander/PartitionBook.swift")),
    Mutant(
      "ignoreLeaseOfSilent", "Gives partitions away as soon as their drone is silent, whatever its lease.",
      .foundBy(seed: 7),
      .instead(
        of: "now > partitions[partition.index].leasedUntil", "true", in: "Commander/PartitionBook.swift")),
    Mutant(
      "skipLeaseWait", "Takes office without waiting for the leases that an earlier commander gave.",
      .foundBy(seed: 9),
      .expression("now > accountedAt", is: "true", in: "Commander/PartitionBook.swift"),
      .before(
        "record.shadows = Array(formerShadows.prefix(shadows))", "record.leasedUntil = now",
        in: "Commander/CommanderCore.swift")),
    Mutant(
      "renewWithoutMajority", "Renews leases without a majority.", .foundBy(seed: 45),
      .before(
        "guard hasMajority(now), let majorityAnswered else { return nil }", "return timing.lease",
        in: "Commander/CommanderCore+Renewal.swift")),
    Mutant(
      "countLeaseFromRenewal",
      "Gives leases of full length, whenever the heartbeats were sent that a majority answered.",
      .foundBy(seed: 116),
      .instead(
        of: "return timing.lease - (now - majorityAnswered)", "return timing.lease",
        in: "Commander/CommanderCore+Renewal.swift")),
    Mutant(
      "keepOldAccessList",
      "Renews leases also for drones with an old access list, and tells nobody of a new one.",
      .foundBy(seed: 1),
      .before("guard isNew else { return [] }", "return []", in: "Commander/AccessPublication.swift"),
      .expression(
        "(report.accessTerm, report.accessVersion) < (identity.term, published.version)",
        is: "report.accessVersion == 0 && report.accessTerm <= identity.term",
        in: "Commander/AccessPublication.swift"),
      .instead(
        of: "return report.accessVersion == published.version", "return true",
        in: "Commander/AccessPublication.swift")),
    Mutant(
      "believeReports",
      "Believes of a drone that it holds what it reports, and has the copies that it reports.",
      .foundBy(seed: 677),
      .before(
        "return .untrue",
        """
        if token > record.token {
          partitions[partition.index].token = token
          partitions[partition.index].serve(holder, token)
          map.isStale = true
          return .kept
        }
        """, in: "Commander/PartitionBook.swift"),
      .before(
        "if let granted = record.lastGranted {", "return token >= record.token",
        in: "Commander/FenceBook.swift"),
      .instead(of: "record.copyHolders.contains(drone)", "true", in: "Commander/Placement.swift")),
  ]
}
