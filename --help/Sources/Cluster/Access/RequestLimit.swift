/// How many requests on keys a line of the access list lets one principal make at one drone.
public struct RequestLimit: Hashable, Sendable {
  /// The number of the line, which tells it from other limits of the principal.
  public let line: Int
  public let perSecond: Int

  /// Nobody could make more.
  static let range = 1...1_000_000_000

  public init(line: Int, perSecond: Int) {
    self.line = line
    self.perSecond = perSecond
  }
}
