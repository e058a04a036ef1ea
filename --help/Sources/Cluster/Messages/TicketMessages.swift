import Wire

/// `term`: the commander asks the authority for the certificate that the KDC takes. Sent again until it is answered.
public struct TicketCertificateRequest: Hashable, Sendable, WireMessage {
  public let term: Term

  public init(term: Term) { self.term = term }
  public func encode(into writer: inout CBORWriter) { term.encode(into: &writer) }
  public init(from reader: inout CBORReader) throws(CBORError) { term = try Term(from: &reader) }
}

/// `[term, certificate]`: by this certificate, shown to the KDC alone, the commander gets its office's tickets.
public struct TicketCertificate: Hashable, Sendable, WireMessage {
  public let term: Term
  /// DER. As secret as the election key.
  public let certificate: [UInt8]

  public init(term: Term, certificate: [UInt8]) {
    self.term = term
    self.certificate = certificate
  }

  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    term.encode(into: &writer)
    writer.write(bytes: certificate)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    term = try Term(from: &reader)
    certificate = try reader.readByteArray(maximum: ElectionVerifier.maximumCertificateLength)
  }
}

extension TicketCertificate: CustomStringConvertible, CustomReflectable {
  /// Without the certificate, which has the office's secret in it.
  public var description: String { "a ticket certificate of term \(term)" }
  public var customMirror: Mirror { Mirror(self, children: ["term": term]) }
}
