import Cluster
import Drone

/// What a drone that is about to end waits for, in words for people.
struct HandoverReport: Equatable {
  let unsaved: Unsaved
  /// Partitions that nobody serves, and of which only this drone may have the newest writes.
  var orphans = 0
  let isDatabaseAnswering: Bool
  /// Why it does not store, by its own word.
  var complaint: String?

  var isEmpty: Bool { unsaved.isEmpty && orphans == 0 }

  /// What the database lacks, and whether it is there and stores.
  var sentence: String {
    let state =
      isDatabaseAnswering
      ? complaint.map { "answers that it cannot store them: \($0)" } ?? "answers" : "does not answer"
    return "\(lack); the database \(state)"
  }

  static let advice =
    "a second SIGTERM or SIGINT ends this drone at once: its shadows in sync go on with what they have, and what no "
    + "shadow has is lost"

  private var lack: String {
    guard unsaved.partitions > 0 else {
      if unsaved.lists == 0 {
        return orphans == 0
          ? "the commander has not said yet whether anything here is missing elsewhere"
          : "the commander still has to have \(count(orphans, "partition")) promoted that nobody serves and this drone has "
            + "a copy of"
      }
      return
        "the database still has to be told that \(count(unsaved.lists, "partition")) will have no copies in sync"
    }
    return
      "the database does not have \(count(unsaved.records, "record")) (about \(Self.size(unsaved.bytes))) of "
      + "\(count(unsaved.partitions, "partition")), the oldest since \(Self.seconds(unsaved.age))"
  }

  /// Why the drone ended with a status that says so.
  func failure(of drone: Principal) -> NodeError {
    .cutShort(
      subject: "\(drone)", problem: "was told to end at once while \(sentence)",
      remedy: unsaved.partitions > 0 || orphans > 0
        ? "Drones that shadow it in sync go on with what they have; what none of them has is lost."
        : "Nothing is lost; its partitions wait for the drones that the database lists.")
  }

  private func count(_ number: Int, _ thing: String) -> String {
    "\(number) \(thing)\(number == 1 ? "" : "s")"
  }

  private static func size(_ bytes: Int) -> String {
    bytes < 10_000 ? "\(bytes) B" : bytes < 10_000_000 ? "\(bytes / 1_000) kB" : "\(bytes / 1_000_000) MB"
  }

  private static func seconds(_ milliseconds: Int64) -> String {
    "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
  }
}
