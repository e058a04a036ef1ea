/// Whose things are kept where there is no room for all: everybody has the same share, and what some leave of theirs
/// goes to those who want more (max-min fairness). Of each the newest stay.
enum FairShare {
  /// - Parameters:
  ///   - items: oldest first.
  ///   - limit: how many are kept, at the most.
  static func split<Item>(
    _ items: [Item], among owner: (Item) -> UInt64, limit: Int
  ) -> (kept: [Item], dropped: [Item]) {
    guard items.count > limit else { return (items, []) }
    let owners = items.map(owner)
    if owners.allSatisfy({ $0 == owners[0] }) {
      return (Array(items.suffix(limit)), Array(items.dropLast(limit)))
    }
    let share = max(1, share(owners, limit))
    var counts: [UInt64: Int] = [:]
    var isKept = [Bool](repeating: false, count: items.count)
    var room = limit
    for index in items.indices.reversed() where room > 0 {
      let count = counts[owners[index], default: 0]
      guard count < share else { continue }
      counts[owners[index]] = count + 1
      isKept[index] = true
      room -= 1
    }
    return (
      items.indices.filter { isKept[$0] }.map { items[$0] },
      items.indices.filter { !isKept[$0] }.map { items[$0] }
    )
  }

  /// The most that anybody keeps.
  private static func share(_ owners: [UInt64], _ limit: Int) -> Int {
    var counts: [UInt64: Int] = [:]
    for owner in owners { counts[owner, default: 0] += 1 }
    var room = limit
    var left = counts.count
    for count in counts.values.sorted() {
      guard count * left <= room else { break }
      room -= count
      left -= 1
    }
    return left == 0 ? limit : room / left
  }
}
