/// At the authority.
extension Catalogue {
  static let authorities: [Mutant] = [
    Mutant(
      "countVoteTwice", "Counts every answer of a voter.", .foundBy(seed: 311),
      .declarations(
        """
        private var repeatedVotes = 0

        """, before: "/// The first answer counts: a drone has one vote a term.", in: "Authority/Ballot.swift"
      ),
      .before(
        "guard answers[voter] == nil else { return }",
        "if answers[voter] == true { repeatedVotes += 1 }", in: "Authority/Ballot.swift"),
      .instead(
        of: """
          return list.count { answers[$0] == true && present.contains($0) }
            + (hasAuthorityVoted ? Self.authority(list) : 0)
          """,
        """
        return list.count { answers[$0] == true && present.contains($0) }
          + (hasAuthorityVoted ? Self.authority(list) : 0) + repeatedVotes
        """, in: "Authority/Ballot.swift")),
    Mutant(
      "electByReachable", "Is content with a majority of those who answer.", .foundBy(seed: 40),
      .before(
        "let isMajority = lists.allSatisfy { self.votes(in: $0) * 2 > $0.count + Self.authority($0) }",
        """
        let reached = answers.count + (hasAuthorityVoted ? Self.authority(voters) : 0)
        if isTimeOver, votes * 2 > reached { return .won(votes: votes) }
        """, in: "Authority/Ballot.swift")),
    Mutant(
      "electByPresent",
      "Is content with a majority of the present drones, whatever drones the commander counts.",
      .foundBy(seed: 11),
      .before(
        "let isMajority = lists.allSatisfy { self.votes(in: $0) * 2 > $0.count + Self.authority($0) }",
        """
        if lists != [voters] {
          var present = self
          present.lists = [voters]
          return present.verdict(isTimeOver: isTimeOver)
        }
        """, in: "Authority/Ballot.swift")),
    Mutant(
      "ignoreTenure", "Gives the authority's own voice whatever its tenure.", .foundBy(seed: 420),
      .expression("now < tenure", is: "true", in: "Authority/AuthorityCore.swift")),
  ]
}
