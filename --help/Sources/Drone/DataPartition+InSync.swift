import MutantSwitches
import Cluster

// Why no acknowledged record is ever outside {database, a listed copy that may be promoted}.
//
// Let S be what the database has (every record up to S), L the list that is stored there, R a record that was
// acknowledged as secured. The claim: R <= S, or L names somebody and everybody on L has R, as has the owner.
// The database opens a partition to `load` only where L is empty, and to `promote` only for a life on L, or for the life
// that owned it last. Then whoever opens it has R, whichever way.
//
// - *Acknowledgement.* R is acknowledged when R <= S, or when everybody on every list that may be stored has confirmed it
//   (`placed`), and none of these lists is empty.
// - *Change of the list.* Lists are numbered, and an older one never replaces a newer one. A list that names somebody is
//   asked for only with holders that have confirmed everything in the table, or that were on the confirmed list and so
//   have confirmed whatever was acknowledged for being in copies (`isInSync`). The empty list is asked for only behind the
//   last such record (`mayBeStored`): the database stores prefixes, so R <= S where it is stored. From the moment that a
//   list is asked for what follows needs its holders too, or, if it is empty, the database.
// - *Replacement of a shadow* is a change of the list; the old one stays on it until the new one is whole.
// - *A copy* carries the log from what is stored (`copyBase`), and lets go of a record only once the database has it. So
//   a copy that is promoted has every record behind S, or fewer than S, and then the database has all of them. Neither can
//   fail to hold, and if it does the copy is kept and nobody serves (`Opened.isIncomplete`). A shadow that has no room for
//   a record does not confirm it and keeps what it has (`CopyStore.take`), as does one that lacks a batch in between.
// - *Promotion* raises the fence, leaves the token that numbers the records and whoever is on L, and puts the last owner on it, who
//   has everything too: any other copy may still be promoted. The promoted drone numbers no records itself before the
//   database has its log and an empty list.
// - *A move and a drain* are promotions of a copy on L; the old owner stops first and keeps its own as the last owner.
// - *An end in order* asks for the empty list, which waits for the records. Who ends before that leaves L as it is. So
//   does the database that ends, and stores nothing more.
// - *A restart* is another life, on no list. What its earlier lives had behind S is in its journal, in the same terms: a
//   copy without what the database has, which is loaded under it once the fence is raised. It is promoted for the life that
//   the list names, and stays as it was until the database has all of it and an empty list; a restart in between begins
//   anew. It is let go of for another copy only once no list names its life (`mayWantJournal`).
// - *Where nothing was ever written* nobody is listed: S = 0, and there is no R.

/// Which copies of a partition are to be promoted, should this drone die.
extension DataPartition {
  /// Whoever has everything that was acknowledged, and answers. For each that the map names and that does not yet, one
  /// stays that was named before: without it, there would be no second place but the database for a while.
  var wantedHolders: [Holder] {
    // Where nothing was ever written nothing can be lost: the database may be loaded, whoever ends.
    guard !streams.isEmpty, !isRetiring, !isRecovering, wasWritten else { return [] }
    if MutantSwitch.listBeforeWhole.isOn {
      return streams.filter { !$0.isSilent && !$0.isLeaving && $0.stage != .unknown }.compactMap(\.holder)
        .sorted()
    }
    if MutantSwitch.keepSilentListed.isOn {
      return streams.filter { isInSync($0) || listed(by: $0) }.compactMap(\.holder).sorted()
    }
    var wanted = streams.filter { !$0.isLeaving && isInSync($0) }
    let missing = streams.count { !$0.isLeaving } - wanted.count
    if missing > 0 {
      wanted += streams.filter { $0.isLeaving && listed(by: $0) && isInSync($0) }.prefix(missing)
    }
    return wanted.compactMap(\.holder).sorted()
  }

  /// Whether the list names all shadows, and each follows: then no other is wanted. It is what mostly is so, and asked for
  /// each record, so it makes no array.
  var namesAllThatFollow: Bool {
    if MutantSwitch.listBeforeWhole.isOn {
      return false
    }
    if MutantSwitch.keepSilentListed.isOn {
      return false
    }
    guard !streams.isEmpty, streams.count == confirmed.holders.count, !isRetiring, !isRecovering, wasWritten
    else { return false }
    return streams.indices.allSatisfy {
      !streams[$0].isLeaving && streams[$0].isInSync(with: 0) && listed(by: streams[$0])
    }
  }

  private func isInSync(_ stream: ShadowStream) -> Bool {
    stream.isInSync(with: listed(by: stream) ? 0 : applied)
  }

  private func listed(by stream: ShadowStream) -> Bool {
    guard let holder = stream.holder else { return false }
    return confirmed.holders.contains(holder)
  }

  /// Of its shadows in the map all are on the list, or will be with the first write.
  var isShadowed: Bool {
    let streams = streams.filter { !$0.isLeaving }
    return !streams.isEmpty && streams.allSatisfy { listed(by: $0) || !wasWritten && isInSync($0) }
  }

  /// The map does not name it any more, and no list that the database may have does, nor an earlier life of it.
  func isLetGo(_ stream: ShadowStream) -> Bool {
    guard stream.isLeaving, stream.holder != nil else { return false }
    return !mayListLife(of: stream.peer, besides: nil)
  }

  /// An earlier life of this shadow may be on the list: what that one has left in its journal may be wanted, and would be
  /// gone with the beginning of another copy.
  func mayWantJournal(of stream: ShadowStream) -> Bool {
    mayListLife(of: stream.peer, besides: stream.holder)
  }
}
