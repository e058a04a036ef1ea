import Cluster

/// When time has work for this core. While nothing changes that is with each heartbeat, or when a drone is late.
extension CommanderCore {
  /// The next moment at which `ticked` may do something. What comes before then may make it sooner.
  public var nextTick: Instant {
    guard let lastTick, let lastRound else { return began }
    guard isQuiet else { return lastTick + timing.step }
    return members.reduce(lastRound + timing.heartbeat) { next, member in
      guard let answered = member.lastAnswered else { return next }
      let late = answered + timing.suspicion + 1
      guard let looked = member.lookedAt, looked > answered else { return min(next, late) }
      return min(next, late, looked + timing.heartbeat + 1)
    }
  }

  /// Whether everything is as it should be, so that a change comes with a message or because somebody is late.
  private var isQuiet: Bool {
    members.allSatisfy(\.isQuiet) && databases.allSatisfy { $0.hasKey && !$0.isLost } && !wantsFences
      && !map.isPending && !access.isPending && partitions.allSatisfy(\.isQuiet)
  }
}

extension Member {
  fileprivate var isQuiet: Bool {
    lastAnswered != nil && !isSilent && isStaying && mayBeRenewed && lively == .all
  }
}

extension PublishedMap {
  fileprivate var isPending: Bool { isStale || signing != nil || published == nil }
}

extension AccessPublication {
  fileprivate var isPending: Bool { isStale || signing != nil || published?.version != list?.version }
}

extension PartitionRecord {
  /// It is served, and stays where it is.
  fileprivate var isQuiet: Bool {
    guard case .serving = state else { return false }
    return move == nil
  }
}
