import MutantSwitches
import Cluster

/// The access list between being handed over by the authority and being known to all drones.
struct AccessPublication {
  /// The newest that the authority handed over.
  var list: NumberedAccessList?
  /// The certificate has been renewed since the list was signed.
  var isStale = false
  /// The version that is being signed, and since when, in seconds since 1970.
  var signing: (version: UInt64, since: Int64)?
  var expiry: Int64 = 0
  var published: (signed: SignedAccessList, version: UInt64)?
}

extension CommanderCore {
  mutating func receive(_ list: NumberedAccessList) -> [CommanderAction] {
    if list.version > access.list?.version ?? 0 { access.list = list }
    return []
  }

  /// Has the list signed when there is another, or when the signature nears its expiry; as with maps, one at a
  /// time, and a signature that does not come is asked for again.
  mutating func refreshAccessList(wall: Int64) -> [CommanderAction] {
    let isOverdue = access.signing.map { abs(wall - $0.since) > Self.signingTime } ?? false
    guard let list = access.list, access.signing == nil || isOverdue,
      access.isStale || isOverdue || access.published?.version != list.version
        || access.expiry - wall < Self.mapLife / 2
    else { return [] }
    access.isStale = false
    access.signing = (list.version, wall)
    access.expiry = wall + Self.mapLife
    return [
      .signAccessList(
        PublishedAccessList(
          cluster: identity.cluster, term: identity.term, version: list.version, expiry: access.expiry,
          text: list.text))
    ]
  }

  /// What is signed anew goes to those who come later; everybody else has that list already.
  mutating func publish(_ signed: SignedAccessList, accessVersion version: UInt64) -> [CommanderAction] {
    guard access.signing?.version == version else { return [] }
    access.signing = nil
    let isNew = access.published?.version != version
    access.published = (signed, version)
    if MutantSwitch.keepOldAccessList.isOn {
      return []
    }
    guard isNew else { return [] }
    return members.filter { $0.lastAnswered != nil }.map {
      .send(.accessListPublished(signed), to: $0.principal)
    }
  }

  /// The list again, for a drone whose report names another: a message may be lost.
  func repeatAccessList(to peer: Principal, after report: Report) -> [CommanderAction] {
    guard let published = access.published,
      (MutantSwitch.keepOldAccessList.isOn ? (report.accessVersion == 0 && report.accessTerm <= identity.term) : ((report.accessTerm, report.accessVersion) < (identity.term, published.version)))
    else { return [] }
    return [.send(.accessListPublished(published.signed), to: peer)]
  }

  /// A lease is renewed only for a drone that has the list that is in force, so that a right that was taken away
  /// is gone everywhere one lease after the commander has published the list without it: a drone that has not
  /// got it by then serves nobody. A list has one number whoever signed it, so that a drone goes on at once
  /// under a new commander whose list is the old one.
  func hasAccessList(_ report: Report) -> Bool {
    guard let published = access.published else { return false }
    if MutantSwitch.keepOldAccessList.isOn {
      return true
    } else {
      return report.accessVersion == published.version
    }
  }
}
