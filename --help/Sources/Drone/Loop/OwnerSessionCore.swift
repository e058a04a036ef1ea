import Cluster
import Wire

/// An owner's session with this drone as its shadow: what it says goes to the loops of its partitions, and their answers
/// come back. It is on any loop of this drone, and the owner knows nothing of these.
public struct OwnerSessionCore: Sendable {
  /// What one loop is to take, in order.
  public struct Portion: Sendable {
    public let loop: Int
    public let messages: [ReplicationMessage]
    /// As the owner numbered the session.
    public let session: UInt64
  }

  public let owner: Principal
  /// As its greeting said.
  private var number: UInt64 = 0
  /// Of records on their way to other loops: beyond the limit the owner has to wait.
  private var bytesUnderWay = 0
  private var isWaiting = false
  static let maximumBytesUnderWay = 8 << 20

  public init(owner: Principal) { self.owner = owner }

  /// Parts what a record says.
  /// - Parameter loop: of this session; it takes its own portion, and what is said to no partition.
  /// - Returns: at most one portion a loop; this one's first, which may be empty, then those of the others in order.
  public mutating func part(
    _ record: UnsafeRawBufferPointer, on loop: Int, of placement: LoopPlacement
  ) throws(CBORError) -> [Portion] {
    var reader = CBORReader(record)
    var parts = [[ReplicationMessage]](repeating: [], count: placement.count)
    while !reader.isAtEnd {
      let message = try ReplicationMessage(from: &reader)
      if case .greet(let session) = message { number = session }
      parts[message.partition.map(placement.loop(of:)) ?? loop].append(message)
    }
    let others = parts.indices.filter { $0 != loop && !parts[$0].isEmpty }
    return ([loop] + others).map { Portion(loop: $0, messages: parts[$0], session: number) }
  }

  /// A portion of a record of so many bytes goes to another loop.
  public mutating func sent(_ bytes: Int) {
    bytesUnderWay += bytes
    if bytesUnderWay > Self.maximumBytesUnderWay { isWaiting = true }
  }

  /// It has been taken there.
  public mutating func returned(_ bytes: Int) {
    bytesUnderWay -= bytes
    if bytesUnderWay <= Self.maximumBytesUnderWay / 2 { isWaiting = false }
  }

  /// Whether more is read of the session.
  public var mayRead: Bool { !isWaiting }
}

extension DataLoopCore {
  /// Takes what an owner says to this loop.
  public mutating func receive(
    _ message: ReplicationMessage, of portion: OwnerSessionCore.Portion, from owner: Principal
  )
    -> ReplicationAnswer?
  {
    data.receive(message, from: owner, session: portion.session)
  }
}
