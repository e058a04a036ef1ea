import Cluster

/// What the router knows of one session, or of the attempt to open it.
struct Link {
  enum State: Equatable {
    case opening
    case open
  }

  let id: LinkID
  let principal: Principal
  let endpoint: Endpoint
  var state = State.opening
  var openedAt: Instant
  /// When the ticket ends, seconds since 1970.
  var expiry: Int64 = 0
  /// Whose ticket it is: the principal that the drone knows this client by.
  var client: String?
  /// Requests to send once it is open, in order.
  var queue: [UInt64] = []
  /// Whether the map is to be asked once it is open.
  var asksForMap = false
  var isIntroduced = false
  /// Answers that are owed.
  var owed = 0
  /// Since when the drone owes an answer, or its side of the handshake, and has said nothing.
  var silentSince: Instant?
  var isSuspect = false
  /// It ends soon: another is being opened, or was refused.
  var isExpiring = false

  init(id: LinkID, to drone: SlotMap.Drone, now: Instant) {
    self.id = id
    principal = drone.principal
    endpoint = drone.endpoint
    openedAt = now
    silentSince = now
  }

  mutating func owes(_ now: Instant) {
    if owed == 0 { silentSince = now }
    owed += 1
  }

  mutating func answered(_ now: Instant) {
    owed = max(0, owed - 1)
    isSuspect = false
    silentSince = owed > 0 ? now : nil
  }
}

/// How often a drone could not be reached lately.
struct Outage {
  var failures = 0
  /// Not dialled before.
  var until: Instant
}
