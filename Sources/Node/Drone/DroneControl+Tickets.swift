import Cluster
import Logging
import Office
import Transport
import Wire

/// The certificate by which the commander gets its tickets: asked of the authority while it is missing or due.
extension DroneControl {
  func askForTickets() {
    let now = NodeClock.now()
    guard let term = office?.term, officeCredential.isCertificateDue(now: now),
      office?.asksForTickets(now, every: timing.heartbeat) == true
    else { return }
    send(.ticketCertificateRequest(TicketCertificateRequest(term: term)), to: authority.principal)
  }

  func receive(_ issued: TicketCertificate) {
    guard office?.term == issued.term else { return }
    do {
      try officeCredential.set(certificate: issued.certificate, now: NodeClock.now())
    } catch {
      return logger.error(
        "the certificate for the office's tickets cannot be read",
        metadata: [NodeLogging.Key.term: "\(issued.term)", NodeLogging.Key.reason: "\(error)"])
    }
    for (service, message) in office?.takeHeld() ?? [] { command(service, message) }
  }
}
