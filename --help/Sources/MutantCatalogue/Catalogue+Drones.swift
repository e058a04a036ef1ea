/// At drones, of elections and of whom they believe.
extension Catalogue {
  static let drones: [Mutant] = [
    Mutant(
      "voteWithoutPromise", "Tells a vote without having stored it.", .foundBy(seed: 1),
      .before(
        "if promise.term == query.term {",
        """
        if let favourite = candidacy.favourite {
          let vote = Vote(ballot: query.ballot, term: query.term, candidate: favourite.candidate)
          return [.send(.vote(vote), to: identity.authority)]
        }
        """, in: "Drone/DroneElection.swift")),
    Mutant(
      "obeyDeposed", "Obeys the heartbeats of a commander of a lower term.", .foundBy(seed: 2),
      .expression(
        "term >= highestTerm",
        of: "commander?.principal == peer && commander?.term == term && term >= highestTerm", is: "true",
        in: "Drone/DroneCore.swift"),
      .expression("heartbeat.term >= highestTerm", is: "true", in: "Drone/DroneCore.swift"),
      .expression(
        "highestTerm",
        of: "verifier.verify(certificate: certificate, peer: peer, minimumTerm: highestTerm, now: wall)",
        is: "Term.none", in: "Drone/DroneElection.swift")),
    Mutant(
      "believeOldMap", "Believes a map of a lower term, whoever sends it.", .foundBy(seed: 6),
      .expression(
        "peer == commander?.principal",
        of: "case .mapPublished(let signed) where peer == commander?.principal:", is: "true",
        in: "Drone/DroneCore.swift"),
      .expression(
        "highestTerm", of: "minimumTerm: highestTerm", is: "Term.none",
        in: "Drone/DroneCore+Partitions.swift"),
      .expression(
        "newer.isNewer(than: map)",
        is: "newer.isNewer(than: map) || newer.term < map?.term ?? .none",
        in: "Drone/DroneCore+Partitions.swift")),
  ]
}
