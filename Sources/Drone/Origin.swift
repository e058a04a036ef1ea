/// Who waits for an answer: a connection of a data loop, and the number it gave its request.
public struct Origin: Hashable, Sendable {
  public let loop: Int
  public let connection: UInt64
  public let number: UInt64

  public init(loop: Int, connection: UInt64, number: UInt64) {
    self.loop = loop
    self.connection = connection
    self.number = number
  }
}
