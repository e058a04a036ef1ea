import Measuring

/// Both sides have turns; who begins changes from round to round.
enum Rounds {
  static func compare(
    _ name: String, _ rounds: Int, keyval: () async throws -> Reading, redis: () async throws -> Reading
  ) async throws -> Comparison {
    var (ours, theirs): ([Reading], [Reading]) = ([], [])
    for round in 0..<rounds {
      say("\(name): round \(round + 1) of \(rounds)")
      for isKeyval in round % 2 == 0 ? [true, false] : [false, true] {
        if isKeyval { ours.append(try await keyval()) } else { theirs.append(try await redis()) }
      }
    }
    return Comparison(name: name, keyval: Side(ours), redis: Side(theirs))
  }
}
