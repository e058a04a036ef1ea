import Measuring

/// What stands for several rounds.
enum Medians {
  /// Of each quantity by itself.
  static func of(_ rounds: [[Quantity: Double]]) -> [Quantity: Double] {
    var medians: [Quantity: Double] = [:]
    for quantity in Quantity.allCases {
      let values = rounds.compactMap { $0[quantity] }
      if !values.isEmpty { medians[quantity] = Median.of(values) }
    }
    let drones = rounds.compactMap { $0[.droneMicroseconds] }
    if let median = medians[.droneMicroseconds], median > 0, let least = drones.min(), let most = drones.max()
    {
      medians[.droneSpread] = (most - least) / median
    }
    return medians
  }
}
