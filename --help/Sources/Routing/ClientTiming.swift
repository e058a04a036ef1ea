/// The client's intervals in milliseconds.
package struct ClientTiming: Hashable, Sendable {
  /// Silence after which a drone that owes an answer is suspected: the map is asked of somebody else.
  package var suspicion: Int64 = 750
  /// Silence after which the session with it is given up.
  package var abandonment: Int64 { suspicion * 4 }
  /// How long a node may take to send the map, connecting included.
  package var mapAnswer: Int64 { suspicion * 2 }
  /// The first and the longest pause before another attempt; each pause is drawn from its upper half.
  package var shortestPause: Int64 = 10
  /// Scales with the cluster's intervals: it adds to the time without service.
  package var longestPause: Int64 { max(shortestPause, suspicion / 3) }
  /// Wake-ups are not closer together than this.
  package var tick: Int64 = 5
  /// A session that ends earlier than this counts as a failed one.
  package var shortSession: Int64 = 1_000

  package init() {}
}
