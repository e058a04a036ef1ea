/// Something that goes wrong for a while.
struct Fault: Sendable, CustomStringConvertible {
  enum Place: Sendable, Hashable, CustomStringConvertible {
    case drone(Int)
    /// The process of the authority that is active when the fault begins.
    case authority
    /// The one that stands by then; the only one where there is but one.
    case standby
    case database
    case client(Int)
    /// The drone that holds the office when the fault begins, or else this one.
    case commander(else: Int)
    /// One of the other drones.
    case follower(Int)

    var description: String {
      switch self {
      case .drone(let index): "d\(index + 1)"
      case .authority: "the active authority"
      case .standby: "the standby authority"
      case .database: "db1"
      case .client(let index): "c\(index + 1)"
      case .commander: "the commander"
      case .follower(let index): "drone \(index + 1) of those that do not hold the office"
      }
    }
  }

  enum Kind: Sendable, Hashable {
    case crash(Place, losesWrites: Bool)
    /// It is asked to end, and started again later.
    case end(Place)
    /// All processes are asked to end, at once or the drones before the others, and started when all have ended.
    case endAll(isAtOnce: Bool)
    /// All drones die at once, and perhaps everybody else: only the processes, or their machines too.
    case killAll(isEverybody: Bool, losesMachines: Bool)
    case hang(Place)
    /// Between two steps of what it does, so many steps later.
    case hangInStep(Place, thread: Int, after: Int)
    /// Between a look at the clock and a read that follows it.
    case hangBeforeRead(Place)
    case isolate(Place)
    /// Nothing gets from the first to the second.
    case cutOneWay(Place, Place)
    case cut(Place, Place)
    /// Nothing gets from one group to the other.
    case split([Place], [Place])
    case slow(Place, Place, Int64)
    case weather(loss: Int, duplication: Int, lateness: Int)
    case pauses(short: Int, long: Int)
    case slowDisk(longest: Int64)
    case failingDisk(perMillion: Int)
    case kdcAway
    /// For this process of the authority the register does not answer.
    case registerAway(Place)
    case wallClock(Place, seconds: Int64)
    case authorityEnds(afterSteps: Int)
    case authorityHangs(afterSteps: Int)
    case join
    /// The administrator has a drone removed; a dead one has ended for good just before.
    case remove(Place, isDead: Bool)
    /// The administrator has a drone emptied, and given work again at the end.
    case drain(Place)
    /// For a while the database's process has an older copy of its file.
    case olderStore
    /// A thief has the drone's key, and its commander is told lies.
    case lie(Place)
    /// A thief has a client's key.
    case lieAsClient
    /// Whoever held the office, and holds it no more, goes on as if he did. Heard alone: only he hears the authority
    /// for a while, and is heard by it, when he begins.
    case lieFromFormerOffice(isHeardAlone: Bool)
    /// A thief has the drone's key, and aims at what other drones have.
    case aim(Place)
    /// A thief has a client's key, and aims at what there is room for, and at what is remembered of others' writes.
    case aimAsClient
  }

  private static func names(_ places: [Place]) -> String {
    places.map(\.description).joined(separator: ", ")
  }

  let kind: Kind
  /// Microseconds after the beginning, and how long; nil: it never ends.
  let start: Int64
  let duration: Int64?

  var description: String {
    let what =
      switch kind {
      case .crash(let place, let loses):
        "\(place) ends" + (loses ? ", its machine too" : "")
      case .killAll(let isEverybody, let losesMachines):
        "all \(losesMachines ? "machines" : "processes") \(isEverybody ? "" : "of drones ")die at once"
      case .end(let place): "\(place) is asked to end (SIGTERM)"
      case .endAll(let isAtOnce):
        "all processes are asked to end (SIGTERM)" + (isAtOnce ? "" : ", the drones before the others")
      case .hang(let place): "\(place) is stopped (SIGSTOP)"
      case .hangInStep(let place, let thread, let steps):
        "\(place) is stopped (SIGSTOP) before thread \(thread)'s step \(steps)"
      case .hangBeforeRead(let place):
        "\(place) is stopped (SIGSTOP) before it executes a read, having looked at the clock"
      case .split(let one, let other):
        "\(Self.names(one)) are cut off from \(Self.names(other))"
      case .drain(let place): "\(place) is emptied"
      case .olderStore: "db1 comes back with an older copy of its file"
      case .lie(let place): "\(place) lies"
      case .lieAsClient: "a client lies"
      case .lieFromFormerOffice(let isHeardAlone):
        "former commanders lie" + (isHeardAlone ? ", the first of them heard alone" : "")
      case .aim(let place): "\(place) aims at what others have"
      case .aimAsClient: "a client aims at what there is room for"
      case .slow(let from, let to, let lag): "from \(from) to \(to) it takes \(lag / 1000) ms longer"
      case .isolate(let place): "\(place) is cut off from everybody"
      case .cutOneWay(let from, let to): "nothing gets from \(from) to \(to)"
      case .cut(let one, let other): "\(one) and \(other) are cut off from each other"
      case .weather(let loss, let duplication, let lateness):
        "of a million messages \(loss) are lost, \(duplication) doubled, \(lateness) late"
      case .pauses(let short, let long):
        "in a million steps threads pause \(short) times, \(long) times for long"
      case .slowDisk(let longest): "the disk takes up to \(longest / 1000) ms"
      case .failingDisk(let chance): "\(chance) of a million transactions fail"
      case .kdcAway: "the KDC is away"
      case .registerAway(let place): "for \(place) the register does not answer"
      case .wallClock(let place, let seconds): "the wall clock of \(place) is set by \(seconds) s"
      case .authorityEnds(let steps): "the active authority ends in the middle of its step \(steps)"
      case .authorityHangs(let steps):
        "the active authority is stopped (SIGSTOP) in the middle of its step \(steps)"
      case .join: "a drone joins"
      case .remove(let place, let isDead):
        isDead ? "\(place) ends for good and is removed" : "\(place) is removed"
      }
    return "\(start / 1000) ms: \(what)" + (duration.map { ", for \($0 / 1000) ms" } ?? "")
  }
}
