/// Where a key lives.
struct LocationReport: Equatable, Sendable {
  let slot: Int
  /// Nil while nobody serves the slot.
  let owner: Owner?

  struct Owner: Equatable, Sendable {
    let name: String
    let address: String
  }

  var text: String {
    guard let owner else { return "slot \(slot)  nobody serves it now\n" }
    return "slot \(slot)  owner \(owner.name)  address \(owner.address)\n"
  }
}
