import Cluster

/// A database as the commander sees it through its command session.
struct DatabaseView {
  var node: RegisteredNode
  /// Whether it confirmed to have stored this term's sealing key.
  var hasKey = false
  var lastAnswered: Instant?
  var lastAsked: Instant?
  /// When the commander first knew of it.
  let since: Instant
  var isLost = false

  init(node: RegisteredNode, since: Instant) {
    self.node = node
    self.since = since
  }
}

extension CommanderCore {
  /// The databases this office has to do with, in order of principal.
  public var databaseNodes: [RegisteredNode] { databases.map(\.node) }

  /// A database that can take grants of this term, the first in order of principal.
  var grantingDatabase: DatabaseView? { databases.first { $0.hasKey && !$0.isLost } }

  mutating func tickDatabases(_ now: Instant) -> [CommanderAction] {
    var actions: [CommanderAction] = []
    for index in databases.indices {
      if databases[index].lastAsked.map({ now - $0 >= timing.heartbeat * 2 }) ?? true {
        databases[index].lastAsked = now
        let node = databases[index].node
        actions.append(databases[index].hasKey ? .pingDatabase(database: node) : .deliverKey(database: node))
      }
      let answered = databases[index].lastAnswered ?? databases[index].since
      if !databases[index].isLost, now - answered > timing.resignation {
        databases[index].isLost = true
        actions.append(.note(.databaseLost(databases[index].node.principal)))
      }
    }
    return actions
  }

  /// The command service `keyval-command/NODE` belongs to the database `keyval-database/NODE`.
  mutating func reached(commandService peer: Principal, now: Instant) -> [CommanderAction] {
    guard peer.role == .command,
      let index = databases.firstIndex(where: { $0.node.principal.instance == peer.instance })
    else { return [] }
    let isFirst = databases[index].lastAnswered == nil || databases[index].isLost
    databases[index].hasKey = true
    databases[index].isLost = false
    databases[index].lastAnswered = now
    reachedByDrones = ReachedByDrones()
    return isFirst ? [.note(.databaseReached(databases[index].node.principal))] : []
  }

  /// The time in which nobody reached one is held against nobody: a database that stalls would seem to be lost to those
  /// who are the last to hear it again. One that was away for long is reached by some before it is by others: all have as
  /// much time from now on as if they had lost it now, before they lose what they have or shadow.
  mutating func databaseReached(_ now: Instant) {
    guard !members.contains(where: { $0.isAlive(now, timing) && $0.reachesDatabase }) else { return }
    let away = members.compactMap(\.reachedDatabase).max().map { now - $0 } ?? 0
    for index in members.indices {
      guard let before = members[index].reachedDatabase, away <= timing.resignation else {
        members[index].reachedDatabase = now
        continue
      }
      members[index].reachedDatabase = min(now, before + away)
    }
  }

  /// A database that is away for everybody ends no office; one that only this commander cannot reach does. What counts
  /// is how long a majority of the drones have reached one since one answered here. Not without a break: a database
  /// that stalls is lost to them again and again. And not from the first of them on: one that comes back is reached by some
  /// before it is by others.
  mutating func databaseLostAlone(_ now: Instant) -> String? {
    let reaching = members.count { $0.isAlive(now, timing) && $0.reachesDatabase }
    reachedByDrones.count(reaching * 2 > members.count, now, timing)
    guard !databases.isEmpty, databases.allSatisfy(\.isLost),
      reachedByDrones.milliseconds > timing.resignation
    else { return nil }
    return "no database answered for \(timing.resignation) ms in which a majority of the drones reached one"
  }
}
