import Cluster

/// Which copies of a partition are to be promoted, should this drone die.
extension DataPartition {
  /// Whoever has everything that was acknowledged, and answers. For each that the map names and that does not yet, one
  /// stays that was named before: without it, there would be no second place but the database for a while.
  var wantedHolders: [Holder] {
    guard !streams.isEmpty, !isRetiring else { return [] }
    #if KEYVAL_MUTATIONS
      if mutations.contains(.listBeforeWhole) {
        return streams.filter { !$0.isSilent && !$0.isLeaving && $0.stage != .unknown }.compactMap(\.holder)
          .sorted()
      }
      if mutations.contains(.keepSilentListed) {
        return streams.filter { isInSync($0) || listed(by: $0) }.compactMap(\.holder).sorted()
      }
    #endif
    var wanted = streams.filter { !$0.isLeaving && isInSync($0) }
    let missing = streams.count { !$0.isLeaving } - wanted.count
    if missing > 0 {
      wanted += streams.filter { $0.isLeaving && listed(by: $0) && isInSync($0) }.prefix(missing)
    }
    return wanted.compactMap(\.holder).sorted()
  }

  private func isInSync(_ stream: ShadowStream) -> Bool {
    stream.isInSync(with: listed(by: stream) ? 0 : applied)
  }

  private func listed(by stream: ShadowStream) -> Bool {
    guard let holder = stream.holder else { return false }
    return confirmed.holders.contains(holder)
  }

  /// Of its shadows in the map all are on the list.
  var isShadowed: Bool {
    let streams = streams.filter { !$0.isLeaving }
    return !streams.isEmpty
      && streams.allSatisfy { stream in stream.holder.map(confirmed.holders.contains) ?? false }
  }

  /// The map does not name it any more, and no list that the database may have does.
  func isLetGo(_ stream: ShadowStream) -> Bool {
    guard stream.isLeaving, let holder = stream.holder else { return false }
    return !mayList(holder)
  }
}
