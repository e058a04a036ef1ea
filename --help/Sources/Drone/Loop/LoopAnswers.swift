import Cluster
import Wire

/// Answers on their way to one client, on whichever loop its session is: one flush.
public struct LoopAnswers: Equatable, Sendable {
  public let loop: Int
  public let connection: UInt64
  /// Encoded, one after the other.
  public let bytes: [UInt8]
  /// Until when they may leave.
  public let leaseEnd: Instant
}

extension LoopAnswers {
  /// What each client is to be told, in the order in which they come first; what one is told stays in order.
  static func gather(_ completions: [DataCore.Completion]) -> [LoopAnswers] {
    struct Client: Hashable {
      let loop: Int
      let connection: UInt64
    }
    var places: [Client: Int] = [:]
    var gathered: [(client: Client, answers: CBORWriter, leaseEnd: Instant)] = []
    for completion in completions {
      let client = Client(loop: completion.replyTo.loop, connection: completion.replyTo.connection)
      let place = places[client] ?? gathered.count
      if place == gathered.count {
        places[client] = place
        gathered.append((client, CBORWriter(), Instant(milliseconds: .max)))
      }
      completion.encode(into: &gathered[place].answers)
      gathered[place].leaseEnd = min(gathered[place].leaseEnd, completion.leaseEnd)
    }
    return gathered.map { entry in
      LoopAnswers(
        loop: entry.client.loop, connection: entry.client.connection, bytes: entry.answers.bytes,
        leaseEnd: entry.leaseEnd)
    }
  }
}
