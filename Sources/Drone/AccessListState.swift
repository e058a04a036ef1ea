import Cluster

/// A drone's access lists: the one that its commander put in force, by which it serves clients, and the newest
/// that the authority handed out, which it publishes should it become the commander.
struct AccessListState {
  /// From the authority.
  var held: NumberedAccessList?
  /// The highest version that the authority's lists of nodes named: one of its processes that has been superseded
  /// may not know of the newest.
  var expected: UInt64 = 0
  /// (term, version) of the one that is in force here; (0, 0) before there is one.
  var installed: (term: Term, version: UInt64) = (.none, 0)

  /// A commander renewed leases here until then. It does so only for a drone that has the list that is in force.
  var isInForceUntil: Instant?
  /// What the data loops were told last of `InstalledAccessList.mayDeny`.
  var mayDeny = false

  /// Whether the authority has spoken of no newer one.
  var isCurrent: Bool { held?.version ?? 0 >= expected }
}

extension DroneCore {
  /// To hear the commander is not enough: who is not heard by it is sent no newer list.
  mutating func adjustDenials(_ now: Instant) -> [DroneAction] {
    let mayDeny = hearsCommander && !isWithdrawn && access.isInForceUntil.map { now < $0 } ?? false
    guard access.mayDeny != mayDeny else { return [] }
    access.mayDeny = mayDeny
    return [.setDenials(mayDeny)]
  }

  /// The newest access list from the authority, for the commander of this process.
  public var accessList: NumberedAccessList? { access.held }

  /// Nothing that could not be put in force is kept: a commander that published it would stop all drones.
  mutating func receive(_ list: NumberedAccessList) -> [DroneAction] {
    guard list.version > access.held?.version ?? 0 else { return [] }
    do throws(AccessListError) {
      _ = try AccessList(parsing: list.text)
    } catch {
      return [.note(.disbelieved(identity.authority, reason: "the access list: \(error)"))]
    }
    access.held = list
    return assumeOffice()
  }

  /// Takes over a list that is newer by (term, version), and says so at once: until the commander knows, it
  /// renews no lease.
  mutating func install(_ signed: SignedAccessList, wall: Int64, now: Instant) -> [DroneAction] {
    guard let peer = commander?.principal else { return [] }
    let published: PublishedAccessList
    do throws(BeliefError) {
      published = try signed.verified(
        by: verifier, cluster: identity.cluster, minimumTerm: highestTerm, now: wall)
    } catch {
      return [.note(.disbelieved(peer, reason: "the access list: \(error)"))]
    }
    guard (published.term, published.version) > access.installed else { return [] }
    let list: AccessList
    do throws(AccessListError) {
      list = try AccessList(parsing: published.text)
    } catch {
      return [.note(.disbelieved(peer, reason: "the access list: \(error)"))]
    }
    access.installed = (published.term, published.version)
    return [.installAccessList(list, term: published.term, version: published.version)] + report(now)
  }
}
