/// What happens to packets on their way from one host to another: each direction has its own.
public struct Cable: Sendable, Equatable {
  /// Nothing arrives, and nobody is told.
  public var isCut = false
  /// Which part of the packets is lost, 0 to 1.
  public var loss = 0.0
  /// How much later each arrives; their order stays.
  public var delay = Duration.zero

  public init(isCut: Bool = false, loss: Double = 0, delay: Duration = .zero) {
    self.isCut = isCut
    self.loss = loss
    self.delay = delay
  }

  public static let whole = Cable()
  public static let cut = Cable(isCut: true)
}

/// Which of a host's packets something happens to.
public enum Direction: Sendable {
  case both
  /// Those that it sends.
  case outgoing
  /// Those that are sent to it.
  case incoming
}
