/// What happens to packets on their way from one host to another: each direction has its own.
struct Cable: Sendable, Equatable {
  /// Nothing arrives, and nobody is told.
  var isCut = false
  /// Which part of the packets is lost, 0 to 1.
  var loss = 0.0
  /// How much later each arrives; their order stays.
  var delay = Duration.zero

  static let whole = Cable()
  static let cut = Cable(isCut: true)
}

/// Which of a host's packets something happens to.
enum Direction: Sendable {
  case both
  /// Those that it sends.
  case outgoing
  /// Those that are sent to it.
  case incoming
}
