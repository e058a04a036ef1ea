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
  /// How many entries memory is measured with.
  let entries: [Int]
  /// To how many a table grows whose pauses are measured.
  let growth: Int
  let connections = 50

  static let valueBytes = 32

  init(isQuick: Bool, isLarge: Bool = false) throws {
    rounds = isQuick ? 2 : 5
    seconds = isQuick ? 2 : 5
    securedSeconds = isQuick ? 4 : 60
    idleSeconds = isQuick ? 5 : 20
    entries = [isQuick ? 100_000 : 1_000_000] + (isLarge ? [10_000_000] : [])
    growth = isQuick ? 1_000_000 : 10_000_000
    keys = try KeyNames(length: 16, count: isQuick ? 100_000 : 1_000_000)
  }
}
