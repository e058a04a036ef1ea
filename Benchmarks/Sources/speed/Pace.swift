import Load

/// How often, how long and how much.
struct Pace: Sendable {
  let rounds: Int
  let seconds: Double
  /// Of a round of secured puts: the backlog of the database has to have the time to grow.
  let securedSeconds: Double
  /// Of looking at what nobody asks anything.
  let idleSeconds: Double
  let keys: KeyNames
  let connections = 50

  static let valueBytes = 32

  init(isQuick: Bool) throws {
    rounds = isQuick ? 2 : 5
    seconds = isQuick ? 2 : 5
    securedSeconds = isQuick ? 4 : 60
    idleSeconds = isQuick ? 5 : 20
    keys = try KeyNames(length: 16, count: isQuick ? 100_000 : 1_000_000)
  }
}
