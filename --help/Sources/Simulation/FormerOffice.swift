import Cluster
import Cryptography

/// What a thief has of an office that was held on his machine, and has when another has been elected: the election key and
/// its certificate, the sealing key of its grants, what was signed and granted, and the session with the database.
struct FormerOffice {
  let term: Term
  let key: P256PrivateKey
  var certificate: [UInt8]
  let sealingKey: SealingKey
  var command: Session?
  /// Those that its commander published, and what the thief makes of them.
  private(set) var maps: [(content: SlotMap, signed: SignedSlotMap)] = []
  private(set) var altered: [SignedSlotMap] = []
  private(set) var grants: [(drone: Principal, answer: GrantAnswer)] = []
  var hasBegun = false

  init(_ term: Term, _ key: P256PrivateKey, _ certificate: [UInt8], _ sealingKey: SealingKey) {
    self.term = term
    self.key = key
    self.certificate = certificate
    self.sealingKey = sealingKey
  }

  mutating func keep(_ signed: SignedSlotMap, _ map: SlotMap) {
    maps.append((map, signed))
    if maps.count > 4 { maps.removeFirst() }
  }

  mutating func keep(_ answer: GrantAnswer, for drone: Principal) {
    grants.append((drone, answer))
    if grants.count > 16 { grants.removeFirst() }
  }

  /// Maps that give everything to the thief, as the very newest of the term, of the term that is another's by now, and
  /// with the certificate of that one. Made once, since each costs a signature.
  mutating func alteredMaps(for thief: Principal, _ present: Term, _ other: [UInt8]?) -> [SignedSlotMap] {
    guard altered.isEmpty, let last = maps.last?.content else { return altered }
    let drones = [SlotMap.Drone(principal: thief, endpoint: Names.endpoint(thief))]
    for (term, shown) in [(term, certificate), (present, certificate), (present, other ?? certificate)] {
      let map = SlotMap(
        cluster: last.cluster, term: term, version: 1 << 40, expiry: last.expiry, commander: thief,
        drones: drones,
        owners: [Int?](repeating: 0, count: Partition.count))
      if let map, let signed = try? SignedSlotMap(map, key: key, certificate: shown) {
        altered.append(signed)
      }
    }
    return altered
  }
}
