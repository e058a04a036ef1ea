import Cluster
import Foundation

/// The databases' stores, as a table and a few sentences.
enum StoresReport {
  static func text(_ answer: StoresAnswer) -> String {
    guard !answer.stores.isEmpty else { return "no database has shown a store yet\n" }
    let rows =
      [["DATABASE", "STORE", "COMMIT", "SEEN", "STATE"]]
      + answer.stores.map { standing in
        [
          standing.database.instance ?? standing.database.text, "\(standing.known.mark.identity)",
          "\(standing.known.mark.commit)", time(standing.known.seenAt),
          standing.held == nil ? "known" : "another is held",
        ]
      }
    let held = answer.stores.filter { $0.held != nil }.map { "\n" + loss($0) + "\n" }
    return TextTable.render(rows) + held.joined()
  }

  /// What accepting the store that is held would lose, and how it is done.
  static func loss(_ standing: DatabaseStanding) -> String {
    guard let held = standing.held else {
      return "\(standing.database) has the store that the cluster knows: there is nothing to accept."
    }
    let known = standing.known
    let kind =
      held.identity != known.mark.identity
      ? held.commit == 0
        ? "a new and empty store" : "another store, \(held.identity), with \(held.commit) transactions"
      : "an older state of its store, at transaction \(held.commit)"
    let lost =
      held.identity != known.mark.identity
      ? "everything that the known store has: \(known.mark.commit) transactions"
      : "the \(known.mark.commit - min(held.commit, known.mark.commit)) transactions since"
    return """
      \(standing.database) shows \(kind). The cluster knows \(known.mark), seen \(time(known.seenAt)).
      Nobody is served from it. Put the right file in its place and start the database again, and nothing is lost.
      Or accept it, and lose \(lost):
        keyval database accept \(standing.database.instance ?? standing.database.text) --store \(held.identity)/\(held.commit)
      """
  }

  static func mark(_ text: String) -> StoreMark? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let identity = StoreIdentity(String(parts[0])), let commit = UInt64(parts[1])
    else {
      return nil
    }
    return StoreMark(identity: identity, commit: commit)
  }

  private static func time(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
  }
}
