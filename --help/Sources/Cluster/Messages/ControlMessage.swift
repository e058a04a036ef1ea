import Wire

/// What nodes say to each other outside the data path. On the wire: `[kind, body]`.
///
/// Delivery is at most once and unordered between sessions: cores repeat on their ticks what still matters.
public enum ControlMessage: Hashable, Sendable {
  case register(Register)
  case registered(Registered)
  case candidacy(Candidacy)
  case candidacyAnswer(CandidacyAnswer)
  case ballotRequest(BallotRequest)
  case voteQuery(VoteQuery)
  case vote(Vote)
  case ballotFailed(BallotFailed)
  case certified(Certified)
  case raiseTerm(RaiseTerm)
  case termRaised(TermRaised)
  case heartbeat(Heartbeat)
  case heartbeatHeard(HeartbeatHeard)
  case report(Report)
  case renewal(Renewal)
  case mapPublished(SignedSlotMap)
  case grantRequest(GrantRequest)
  case grantAnswer(GrantAnswer)
  case release(Release)
  case deliverKey(DeliverKey)
  case keyStored(KeyStored)
  case refused(Refused)
  case enrollmentRequest(EnrollmentRequest)
  case enrollmentAnswer(EnrollmentAnswer)
  case showCertificate(ShowCertificate)
  case accessList(NumberedAccessList)
  case accessListPublished(SignedAccessList)
  case membership(SignedMembership)
  case removalRequest(RemovalRequest)
  case removalAnswer(RemovalAnswer)
  case nodesRequest(NodesRequest)
  case nodesAnswer(NodesAnswer)
  case openFailed(OpenFailed)
  case forgetCopies(ForgetCopies)
  case unreachable(Unreachable)
  case membershipQuestion(MembershipQuestion)
  case ticketCertificateRequest(TicketCertificateRequest)
  case ticketCertificate(TicketCertificate)
  case fenceQuestion(FenceQuestion)
  case fences(Fences)
  case storeReport(StoreReport)
  case storeVerdict(StoreVerdict)
  case storesRequest(StoresRequest)
  case storesAnswer(StoresAnswer)
  case storeAcceptance(StoreAcceptance)
  case storeAcceptanceAnswer(StoreAcceptanceAnswer)

  /// The number of the kind, which is also the CDDL's.
  public var kind: UInt64 {
    switch self {
    case .register: 32
    case .registered: 33
    case .candidacy: 34
    case .candidacyAnswer: 35
    case .ballotRequest: 36
    case .voteQuery: 37
    case .vote: 38
    case .ballotFailed: 39
    case .certified: 40
    case .raiseTerm: 41
    case .termRaised: 42
    case .heartbeat: 43
    case .heartbeatHeard: 44
    case .report: 45
    case .renewal: 46
    case .mapPublished: 47
    case .grantRequest: 48
    case .grantAnswer: 49
    case .release: 50
    case .deliverKey: 51
    case .keyStored: 52
    case .refused: 53
    case .enrollmentRequest: 54
    case .enrollmentAnswer: 55
    case .showCertificate: 56
    case .accessList: 57
    case .accessListPublished: 58
    case .membership: 59
    case .removalRequest: 60
    case .removalAnswer: 61
    case .nodesRequest: 62
    case .nodesAnswer: 63
    case .openFailed: 128
    case .forgetCopies: 129
    case .unreachable: 130
    case .membershipQuestion: 131
    case .ticketCertificateRequest: 132
    case .ticketCertificate: 133
    case .fenceQuestion: 134
    case .fences: 135
    case .storeReport: 136
    case .storeVerdict: 137
    case .storesRequest: 138
    case .storesAnswer: 139
    case .storeAcceptance: 140
    case .storeAcceptanceAnswer: 141
    }
  }
}

extension ControlMessage: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: kind)
    switch self {
    case .register(let body): body.encode(into: &writer)
    case .registered(let body): body.encode(into: &writer)
    case .candidacy(let body): body.encode(into: &writer)
    case .candidacyAnswer(let body): body.encode(into: &writer)
    case .ballotRequest(let body): body.encode(into: &writer)
    case .voteQuery(let body): body.encode(into: &writer)
    case .vote(let body): body.encode(into: &writer)
    case .ballotFailed(let body): body.encode(into: &writer)
    case .certified(let body): body.encode(into: &writer)
    case .raiseTerm(let body): body.encode(into: &writer)
    case .termRaised(let body): body.encode(into: &writer)
    case .heartbeat(let body): body.encode(into: &writer)
    case .heartbeatHeard(let body): body.encode(into: &writer)
    case .report(let body): body.encode(into: &writer)
    case .renewal(let body): body.encode(into: &writer)
    case .mapPublished(let body): body.encode(into: &writer)
    case .grantRequest(let body): body.encode(into: &writer)
    case .grantAnswer(let body): body.encode(into: &writer)
    case .release(let body): body.encode(into: &writer)
    case .deliverKey(let body): body.encode(into: &writer)
    case .keyStored(let body): body.encode(into: &writer)
    case .refused(let body): body.encode(into: &writer)
    case .enrollmentRequest(let body): body.encode(into: &writer)
    case .enrollmentAnswer(let body): body.encode(into: &writer)
    case .showCertificate(let body): body.encode(into: &writer)
    case .accessList(let body): body.encode(into: &writer)
    case .accessListPublished(let body): body.encode(into: &writer)
    case .membership(let body): body.encode(into: &writer)
    case .removalRequest(let body): body.encode(into: &writer)
    case .removalAnswer(let body): body.encode(into: &writer)
    case .nodesRequest(let body): body.encode(into: &writer)
    case .nodesAnswer(let body): body.encode(into: &writer)
    case .openFailed(let body): body.encode(into: &writer)
    case .forgetCopies(let body): body.encode(into: &writer)
    case .unreachable(let body): body.encode(into: &writer)
    case .membershipQuestion(let body): body.encode(into: &writer)
    case .ticketCertificateRequest(let body): body.encode(into: &writer)
    case .ticketCertificate(let body): body.encode(into: &writer)
    case .fenceQuestion(let body): body.encode(into: &writer)
    case .fences(let body): body.encode(into: &writer)
    case .storeReport(let body): body.encode(into: &writer)
    case .storeVerdict(let body): body.encode(into: &writer)
    case .storesRequest(let body): body.encode(into: &writer)
    case .storesAnswer(let body): body.encode(into: &writer)
    case .storeAcceptance(let body): body.encode(into: &writer)
    case .storeAcceptanceAnswer(let body): body.encode(into: &writer)
    }
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    let kind = try reader.readUnsigned()
    switch kind {
    case 32: self = .register(try Register(from: &reader))
    case 33: self = .registered(try Registered(from: &reader))
    case 34: self = .candidacy(try Candidacy(from: &reader))
    case 35: self = .candidacyAnswer(try CandidacyAnswer(from: &reader))
    case 36: self = .ballotRequest(try BallotRequest(from: &reader))
    case 37: self = .voteQuery(try VoteQuery(from: &reader))
    case 38: self = .vote(try Vote(from: &reader))
    case 39: self = .ballotFailed(try BallotFailed(from: &reader))
    case 40: self = .certified(try Certified(from: &reader))
    case 41: self = .raiseTerm(try RaiseTerm(from: &reader))
    case 42: self = .termRaised(try TermRaised(from: &reader))
    case 43: self = .heartbeat(try Heartbeat(from: &reader))
    case 44: self = .heartbeatHeard(try HeartbeatHeard(from: &reader))
    case 45: self = .report(try Report(from: &reader))
    case 46: self = .renewal(try Renewal(from: &reader))
    case 47: self = .mapPublished(try SignedSlotMap(from: &reader))
    case 48: self = .grantRequest(try GrantRequest(from: &reader))
    case 49: self = .grantAnswer(try GrantAnswer(from: &reader))
    case 50: self = .release(try Release(from: &reader))
    case 51: self = .deliverKey(try DeliverKey(from: &reader))
    case 52: self = .keyStored(try KeyStored(from: &reader))
    case 53: self = .refused(try Refused(from: &reader))
    case 54: self = .enrollmentRequest(try EnrollmentRequest(from: &reader))
    case 55: self = .enrollmentAnswer(try EnrollmentAnswer(from: &reader))
    case 56: self = .showCertificate(try ShowCertificate(from: &reader))
    case 57: self = .accessList(try NumberedAccessList(from: &reader))
    case 58: self = .accessListPublished(try SignedAccessList(from: &reader))
    case 59: self = .membership(try SignedMembership(from: &reader))
    case 60: self = .removalRequest(try RemovalRequest(from: &reader))
    case 61: self = .removalAnswer(try RemovalAnswer(from: &reader))
    case 62: self = .nodesRequest(try NodesRequest(from: &reader))
    case 63: self = .nodesAnswer(try NodesAnswer(from: &reader))
    case 128: self = .openFailed(try OpenFailed(from: &reader))
    case 129: self = .forgetCopies(try ForgetCopies(from: &reader))
    case 130: self = .unreachable(try Unreachable(from: &reader))
    case 131: self = .membershipQuestion(try MembershipQuestion(from: &reader))
    case 132: self = .ticketCertificateRequest(try TicketCertificateRequest(from: &reader))
    case 133: self = .ticketCertificate(try TicketCertificate(from: &reader))
    case 134: self = .fenceQuestion(try FenceQuestion(from: &reader))
    case 135: self = .fences(try Fences(from: &reader))
    case 136: self = .storeReport(try StoreReport(from: &reader))
    case 137: self = .storeVerdict(try StoreVerdict(from: &reader))
    case 138: self = .storesRequest(try StoresRequest(from: &reader))
    case 139: self = .storesAnswer(try StoresAnswer(from: &reader))
    case 140: self = .storeAcceptance(try StoreAcceptance(from: &reader))
    case 141: self = .storeAcceptanceAnswer(try StoreAcceptanceAnswer(from: &reader))
    default: throw .unknownKind("a control message", kind: kind)
    }
  }
}

extension ControlMessage {
  /// The messages of one record, a CBOR sequence (RFC 8742).
  public static func sequence(_ bytes: [UInt8]) throws(CBORError) -> [ControlMessage] {
    try bytes.withUnsafeBytes { buffer -> Result<[ControlMessage], CBORError> in
      var reader = CBORReader(buffer)
      var messages: [ControlMessage] = []
      do throws(CBORError) {
        while !reader.isAtEnd { messages.append(try ControlMessage(from: &reader)) }
        return .success(messages)
      } catch {
        return .failure(error)
      }
    }.get()
  }
}
