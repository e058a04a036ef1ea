import Cluster
import Wire

/// Answers on their way to one client, on whichever loop its session is: one flush.
public struct LoopAnswers: Equatable, Sendable {
  public let loop: Int
  public let connection: UInt64
  /// Encoded, one after the other.
  public let bytes: [UInt8]
}

extension DataCore.Completion {
  fileprivate func encode(into writer: inout CBORWriter) {
    let answer: DataAnswer =
      switch result {
      case .done(let existed): .done(number: origin.number, existed: origin.told(existed))
      case .unavailable(let reason): .unavailable(number: origin.number, reason)
      }
    answer.encode(into: &writer)
  }
}

extension LoopAnswers {
  /// What each client is to be told, in the order in which they come first; what one is told stays in order.
  static func gather(_ completions: [DataCore.Completion]) -> [LoopAnswers] {
    struct Client: Hashable {
      let loop: Int
      let connection: UInt64
    }
    var places: [Client: Int] = [:]
    var gathered: [(client: Client, answers: CBORWriter)] = []
    for completion in completions {
      let client = Client(loop: completion.origin.loop, connection: completion.origin.connection)
      let place = places[client] ?? gathered.count
      if place == gathered.count {
        places[client] = place
        gathered.append((client, CBORWriter()))
      }
      completion.encode(into: &gathered[place].answers)
    }
    return gathered.map { entry in
      LoopAnswers(
        loop: entry.client.loop, connection: entry.client.connection, bytes: entry.answers.bytes)
    }
  }
}
