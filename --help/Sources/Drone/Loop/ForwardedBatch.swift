import Cluster
import Wire

/// Requests on their way from the loop of their session to the loop of their partitions: those of a read cycle travel
/// in one piece, and what there is to say of them comes back in one.
public struct ForwardedBatch: Sendable {
  /// Encoded, one after the other.
  public let requests: [UInt8]
  public let client: ClientIncarnation?
  /// By which they were let through.
  public let access: ClientAccess
  /// Where their session is, and where they go.
  public let source: Int
  public let target: Int
  public let connection: UInt64

  /// Bytes of answers that one batch gathers before the rest of it is turned away. (What a read cycle gathers on its own
  /// loop is the session's to say.)
  /// - Parameters:
  ///   - isTight: all sessions of the process hold much.
  ///   - isFull: they hold all that they may; then it gathers nothing.
  public static func room(isTight: Bool, isFull: Bool) -> Int {
    isFull ? 0 : isTight ? 256 << 10 : 1 << 20
  }
}

extension DataLoopCore {
  /// Executes one request that came to another loop.
  /// - Parameter hasRoom: whether its answer may be gathered. If not, it is not executed: the client asks again.
  public mutating func execute(
    _ request: DataRequest, of batch: ForwardedBatch, hasRoom: Bool, now: Instant, answers: inout CBORWriter
  ) {
    guard let number = request.number, let partition = request.partition else { return }
    // Nor one that was permitted by a list that has been replaced.
    guard hasRoom, access.accepts(edition: batch.access.edition) else {
      return DataAnswer.unavailable(number: number, .busy).encode(into: &answers)
    }
    let replyTo = ReplyAddress(
      loop: batch.source, connection: batch.connection, number: number,
      mayRead: batch.access.mayRead(keyOf: request))
    data.execute(
      request, in: partition, client: batch.client, replyTo: replyTo, quota: batch.access.quota(on: request),
      now: now, answers: &answers)
  }
}
