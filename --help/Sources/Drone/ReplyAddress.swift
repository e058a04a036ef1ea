/// Who waits for an answer: a connection of a data loop, and the number it gave its request.
public struct ReplyAddress: Hashable, Sendable {
  public let loop: Int
  public let connection: UInt64
  public let number: UInt64
  /// Whether he may read the key, and so be told whether it had a value.
  public let mayRead: Bool

  public init(loop: Int, connection: UInt64, number: UInt64, mayRead: Bool = true) {
    self.loop = loop
    self.connection = connection
    self.number = number
    self.mayRead = mayRead
  }
}
