import Cluster
import Logging
import Transport
import Wire

/// The certificate by which the commander gets its tickets: asked of the authority while it is missing or due.
extension DroneControl {
  func askForTickets() {
    let isMissing = !officeCredential.isReady
    perform(
      seat.office?.requestTickets(isMissing: isMissing, now: NodeClock.now(), every: timing.heartbeat) ?? [])
  }

  func receive(_ issued: TicketCertificate, from peer: Principal) {
    guard seat.office?.awaits(issued, from: peer) == true else { return }
    do {
      try officeCredential.set(certificate: issued.certificate)
    } catch {
      return logger.error(
        "the certificate for the office's tickets cannot be read",
        metadata: [NodeLogging.Key.term: "\(issued.term)", NodeLogging.Key.reason: "\(error)"])
    }
    perform(seat.office?.ticketsInPlace(NodeClock.now()) ?? [])
  }
}
