import MutantSwitches
import Cluster
import StoreRules

/// A store in memory that answers a database core's jobs by the rules by which the one in SQLite does: one transaction at
/// a time, on the disk before it is answered. A crash may take what was not synced, or leave it.
final class SimulatedStore {
  private unowned let world: World
  private(set) var durable = StoreState()
  /// Written and perhaps not synced.
  fileprivate var current = StoreState()
  /// What the process remembers of it; nil while there is none.
  private var books: StoreBooks?
  /// Whether the transaction under way is to fail when all is done but its commit.
  private(set) var isFailing = false

  init(_ world: World) { self.world = world }

  /// An older copy that the process has in place of the store, and is not to use.
  var standIn: StoreState?

  /// What is on the disk that the process has.
  var shown: StoreState { standIn ?? durable }
  var mark: StoreMark { shown.mark() }

  func requireOwn(_ use: String) {
    guard let standIn, standIn.commit < durable.commit else { return }
    world.violated("db1 \(use)s a store that is \(durable.commit - standIn.commit) transactions behind")
  }

  var backlog: StoreBacklog { books?.backlog ?? StoreBacklog() }

  private static func rules(_ world: World) -> StoreRules {
    let kept = world.knobs.data.history.outcomes
    return StoreRules(
      outcomes: OutcomeKeeping(kept: kept, keptOfOthers: max(1, kept / 2), maximumClients: 8 * kept))
  }

  /// A process opens it.
  func open() {
    do {
      books = try StoreBooks(of: current, rules: Self.rules(world))
    } catch {
      world.violated("the store cannot be opened: \(error)")
    }
  }

  /// The process has ended before its last writes were synced.
  func crash(losesWrites: Bool) {
    if losesWrites { current = durable } else { durable = current }
    books = nil
  }

  /// A request has come, and waits for its turn.
  func noticed(_ request: StoreRequest) {
    guard case .append(_, let batches) = request else { return }
    for batch in batches {
      books?.rules.earlier.fences[batch.partition] = current.standing(of: batch.partition)
    }
  }

  /// What was written is on the disk.
  func sync() { durable = current }

  /// Everything of a transaction but its sync.
  /// - Parameter isFailing: whether it comes to nothing in the end.
  /// - Returns: nil when it has changed nothing.
  func write(_ job: StoreJob, isFailing: Bool) -> StoreJobResult? {
    let before = current
    self.isFailing = isFailing
    do {
      let result = try books?.perform(job, on: SimulatedBackend(store: self))
      check(job, before)
      return result
    } catch is SimulatedBackend.Failure {
      return nil
    } catch {
      world.violated("the store fails: \(error)")
      return nil
    }
  }

  /// What has to be true of any transaction.
  private func check(_ job: StoreJob, _ before: StoreState) {
    if current.term() < before.term() {
      world.violated("the stored term falls from \(before.term()) to \(current.term())")
    }
    if case .open(let opening) = job {
      for partition in opening.partitions {
        guard let old = before.standing(of: partition), let new = current.standing(of: partition) else {
          continue
        }
        if new != old, new.token <= old.token || new.sequence < old.sequence {
          world.violated("the fence of partition \(partition) falls to \(new.token)")
        }
      }
    }
    for (record, partition) in current.repeated.dropFirst(before.repeated.count)
    where !LyingClient.isItself(record.client) {
      world.violated("write \(record.write) was executed twice, in partition \(partition)")
    }
  }

  /// Reads what was opened in one snapshot.
  /// - Returns: nil when a partition has been opened by another since.
  func contents(of opening: PartitionOpening, in snapshot: StoreState) -> [StorePart]? {
    var parts: [StorePart] = []
    do {
      try Self.rules(world).contents(of: opening, snapshot) { part in
        parts.append(part)
        return true
      }
      return parts
    } catch is ReadingEnd {
      return nil
    } catch {
      world.violated("the store cannot be read: \(error)")
      return nil
    }
  }
}

private struct SimulatedBackend: StoreBackend {
  struct Failure: Error {}
  let store: SimulatedStore

  func write<Value>(_ body: (inout StoreState) throws -> Value) throws -> Value {
    var rows = store.current
    let value = try body(&rows)
    if store.isFailing { throw Failure() }
    store.current = rows
    return value
  }

  func read<Value>(_ body: (StoreState) throws -> Value) throws -> Value { try body(store.current) }
}
