/// Who lies while everything else goes wrong: in a share of the seeds a client, in another whoever held the office before.
extension FaultPlan {
  var hasLyingClient: Bool { lies.contains { $0.kind == .lieAsClient || $0.kind == .aimAsClient } }
  var hasFormerOffices: Bool {
    lies.contains {
      switch $0.kind {
      case .lieFromFormerOffice, .aim: true
      default: false
      }
    }
  }

  /// From random numbers of its own, so that what else goes wrong in a seed does not depend on it.
  mutating func addLies(_ seed: UInt64, isMixed: Bool) {
    var random = SeededRandom(seed: seed, stream: 33)
    if random.chance(250_000) {
      lies.append(Fault(kind: .lieAsClient, start: random.number(0...4_000_000), duration: nil))
    }
    guard drones > 1, random.chance(250_000) else { return }
    let isHeardAlone = isMixed && !isOrderly && random.chance(250_000)
    let kind = Fault.Kind.lieFromFormerOffice(isHeardAlone: isHeardAlone)
    lies.append(Fault(kind: kind, start: random.number(0...3_000_000), duration: nil))
    guard !isSingle, !isOrderly, random.chance(700_000) else { return }
    depose(at: random.number(2_000_000...5_000_000), &random)
  }

  /// Somebody aims at what there is to lose. From random numbers of its own again: seeds in which nobody does have the
  /// schedules that they had before anybody could.
  mutating func addAims(_ seed: UInt64) {
    // Where all die, what is stored may be more than there is room for to load it at once.
    guard !isSudden else { return }
    var random = SeededRandom(seed: seed, stream: 35)
    if random.chance(150_000) {
      lies.append(Fault(kind: .aimAsClient, start: random.number(0...4_000_000), duration: nil))
    }
    guard drones > 1, random.chance(150_000) else { return }
    let place: Fault.Place = random.chance(600_000) ? .commander(else: 0) : .drone(random.index(drones))
    lies.append(Fault(kind: .aim(place), start: random.number(1_500_000...3_000_000), duration: nil))
    guard !isSingle, !isOrderly, random.chance(700_000) else { return }
    depose(at: random.number(3_000_000...6_000_000), &random)
  }

  /// Another is elected while the commander is stopped, or cut off.
  private mutating func depose(at time: Int64, _ random: inout SeededRandom) {
    let commander = Fault.Place.commander(else: 0)
    let duration = random.number(2_500_000...6_000_000)
    switch random.index(3) {
    case 0: add(.hang(commander), at: time, for: duration)
    case 1: add(.isolate(commander), at: time, for: duration)
    default:
      add(.split([commander], (0..<drones - 1).map { .follower($0) } + [.authority]), at: time, for: duration)
    }
  }
}
