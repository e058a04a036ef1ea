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
    return isFirst ? [.note(.databaseReached(databases[index].node.principal))] : []
  }

  /// One that was away for everybody is reached by some before it is by others: these have as much time from now on as
  /// if they had lost it now, before they lose what they have or shadow.
  mutating func databaseReached(_ now: Instant) {
    guard !members.contains(where: { $0.isAlive(now, timing) && $0.reachesDatabase }) else { return }
    for index in members.indices { members[index].reachedDatabase = now }
  }

  /// A database that is away for everybody ends no office; one that only this commander cannot reach does. The
  /// time counts from when a majority of the drones began to reach it: one that comes back is reached by some
  /// before it is by others.
  mutating func databaseLostAlone(_ now: Instant) -> String? {
    let reaching = members.count { $0.isAlive(now, timing) && $0.reachesDatabase }
    guard reaching * 2 > members.count else {
      reachedByDronesSince = nil
      return nil
    }
    let since = reachedByDronesSince ?? now
    reachedByDronesSince = since
    guard !databases.isEmpty, databases.allSatisfy(\.isLost), now - since > timing.resignation else {
      return nil
    }
    return "no database answered for \(timing.resignation) ms while a majority of the drones reach one"
  }
}
