import Cluster

/// The certificate by which the commander gets its tickets at the KDC.
extension AuthorityCore {
  /// For the commander alone, which asks again while it is not answered. What is signed is what the register says at that
  /// moment, whatever is believed here.
  mutating func issueTickets(
    _ request: TicketCertificateRequest, for peer: Principal
  ) -> [AuthorityAction] {
    let order = TicketCertificateOrder(term: request.term, commander: peer)
    guard commander == peer else { return [.note(.ticketsRefused(order))] }
    guard !isIssuingTickets else { return [] }
    isIssuingTickets = true
    return [.issueTicketCertificate(order)]
  }

  mutating func ticketsIssued(
    _ order: TicketCertificateOrder, _ certificate: [UInt8]
  ) -> [AuthorityAction] {
    isIssuingTickets = false
    let issued = TicketCertificate(term: order.term, certificate: certificate)
    return [.note(.ticketsIssued(order)), .send(.ticketCertificate(issued), to: order.commander)]
  }

  mutating func ticketsNotIssued(_ order: TicketCertificateOrder, _ reason: String) -> [AuthorityAction] {
    isIssuingTickets = false
    return [.note(.ticketsNotIssued(order, reason: reason))]
  }
}
