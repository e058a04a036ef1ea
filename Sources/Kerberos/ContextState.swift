import CKerberos
import Glibc

/// The library's handles of one security context, released with it.
struct ContextState: ~Copyable {
  enum Role {
    // The cache is held because the library finds the tickets in it by name.
    case initiator(GSSCredential, TicketCache, target: GSSName)
    case acceptor(GSSCredential, AcceptorCredential)
  }

  private let role: Role
  private let circumstances: Circumstances
  private let channelBinding: [UInt8]
  private var handle: gss_ctx_id_t?
  private var peerName: gss_name_t?
  private var flags: OM_uint32 = 0
  private var ticketEncryptionType: Int32?
  private var isComplete = false
  private var hasFailed = false

  init(role: Role, circumstances: Circumstances, channelBinding: [UInt8]) {
    self.role = role
    self.circumstances = circumstances
    self.channelBinding = channelBinding
  }

  deinit {
    var minor: OM_uint32 = 0
    var handle = handle
    var name = peerName
    if handle != nil { gss_delete_sec_context(&minor, &handle, nil) }
    if name != nil { gss_release_name(&minor, &name) }
    if case .acceptor(let credential, let owner) = role { owner.give(back: credential) }
  }

  private var isInitiator: Bool { if case .initiator = role { true } else { false } }

  // MARK: Steps

  mutating func step(token: [UInt8]?) throws(KerberosError) -> (token: [UInt8]?, isComplete: Bool) {
    guard !isComplete, !hasFailed else {
      throw KerberosError(.badToken, "\(circumstances.action) failed: a token came after the last one.")
    }
    hasFailed = true  // until this step has gone well
    guard isInitiator || token?.isEmpty == false else {
      throw KerberosError(.badToken, "\(circumstances.action) failed: the initiator's token is empty.")
    }
    var minor: OM_uint32 = 0
    var output = gss_buffer_desc()
    defer {
      var ignored: OM_uint32 = 0
      gss_release_buffer(&ignored, &output)
    }
    let major =
      switch role {
      case .initiator(let credential, _, let target):
        initiate(credential, target, token, &minor, &output)
      case .acceptor(let credential, _):
        accept(credential, token ?? [], &minor, &output)
      }
    guard keyval_gss_is_error(major) == 0 else { throw failure(major, minor) }
    isComplete = keyval_gss_continue_needed(major) == 0
    if isComplete, !isInitiator { ticketEncryptionType = token.flatMap(InitiatorToken.ticketEncryptionType) }
    if isComplete, flags & OM_uint32(GSS_C_MUTUAL_FLAG) == 0 {
      throw KerberosError(
        .badToken,
        "\(circumstances.action) failed: the peer did not ask for mutual authentication, which is required.")
    }
    hasFailed = false
    return (output.length == 0 ? nil : GSS.bytes(output), isComplete)
  }

  private mutating func initiate(
    _ credential: GSSCredential, _ target: GSSName, _ token: [UInt8]?, _ minor: inout OM_uint32,
    _ output: inout gss_buffer_desc
  ) -> OM_uint32 {
    let wanted = OM_uint32(
      GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG | GSS_C_CHANNEL_BOUND_FLAG)
    return GSS.withBuffer(channelBinding) { binding in
      var bindings = gss_channel_bindings_struct()
      bindings.application_data = binding
      return GSS.withBuffer(token ?? []) { input in
        gss_init_sec_context(
          &minor, credential.raw, &handle, target.raw, keyval_gss_mechanism_krb5(), wanted, 0, &bindings,
          &input, nil, &output, &flags, nil)
      }
    }
  }

  private mutating func accept(
    _ credential: GSSCredential, _ token: [UInt8], _ minor: inout OM_uint32,
    _ output: inout gss_buffer_desc
  ) -> OM_uint32 {
    GSS.withBuffer(channelBinding) { binding in
      var bindings = gss_channel_bindings_struct()
      bindings.application_data = binding
      return GSS.withBuffer(token) { input in
        gss_accept_sec_context(
          &minor, &handle, credential.raw, &input, &bindings, &peerName, nil, &output, &flags, nil, nil)
      }
    }
  }

  private func failure(_ major: OM_uint32, _ minor: OM_uint32) -> KerberosError {
    let error = GSS.error(major, minor, circumstances)
    if !isInitiator, error.reason == .noTicket {
      // An acceptor's credential was good when it was taken: what lacks one is the token's mechanism.
      return circumstances.error(.badToken, code: error.code, message: "not a token of Kerberos 5 itself")
    }
    guard error.reason == .clockSkew, isInitiator, let client = circumstances.client else { return error }
    // Worth one more question to the KDC: how far off are we?
    var circumstances = circumstances
    circumstances.clockDifference = InitialTicket.clockDifference(principal: client)
    return GSS.error(major, minor, circumstances)
  }

  // MARK: What it proves

  func properties() throws(KerberosError) -> SecurityContextProperties {
    try requireComplete()
    var minor: OM_uint32 = 0
    var source: gss_name_t?
    var target: gss_name_t?
    var lifetime: OM_uint32 = 0
    var flags: OM_uint32 = 0
    defer {
      var ignored: OM_uint32 = 0
      gss_release_name(&ignored, &source)
      gss_release_name(&ignored, &target)
    }
    let major = gss_inquire_context(&minor, handle, &source, &target, &lifetime, nil, &flags, nil, nil)
    try GSS.check(major, minor, circumstances)
    guard let initiator = GSS.text(of: source), let acceptor = GSS.text(of: target) else {
      throw KerberosError(.other, "\(circumstances.action) failed: the context's names cannot be read.")
    }
    let isBound = isInitiator || self.flags & OM_uint32(GSS_C_CHANNEL_BOUND_FLAG) != 0
    return SecurityContextProperties(
      local: isInitiator ? initiator : acceptor,
      peer: isInitiator ? acceptor : initiator,
      target: acceptor,
      isMutual: flags & OM_uint32(GSS_C_MUTUAL_FLAG) != 0,
      isChannelBound: isBound,
      hasAcceptorSubkey: try hasAcceptorSubkey(),
      sessionKeyEncryptionType: try sessionKeyEncryptionType(), ticketEncryptionType: ticketEncryptionType,
      expiry: lifetime == keyval_gss_indefinite() ? .max : Int64(time(nil)) + Int64(lifetime),
      authenticationIndicators: try authenticationIndicators())
  }

  private func requireComplete() throws(KerberosError) {
    guard isComplete, !hasFailed, handle != nil else {
      throw KerberosError(.badToken, "\(circumstances.action) is not complete.")
    }
  }

  /// Every per-message token says in its flags whether the context has an acceptor's subkey (RFC 4121
  /// section 4.2.2, bit 2), so we make one over nothing and look. (Exporting the lucid context would tell too,
  /// but destroys the context.)
  private func hasAcceptorSubkey() throws(KerberosError) -> Bool {
    var minor: OM_uint32 = 0
    var message = gss_buffer_desc()
    var token = gss_buffer_desc()
    defer {
      var ignored: OM_uint32 = 0
      gss_release_buffer(&ignored, &token)
    }
    let major = gss_get_mic(&minor, handle, gss_qop_t(GSS_C_QOP_DEFAULT), &message, &token)
    try GSS.check(major, minor, circumstances)
    let bytes = GSS.bytes(token)
    // TOK_ID 04 04 marks RFC 4121's tokens; older ones know no acceptor's subkey.
    return bytes.count > 2 && bytes[0] == 4 && bytes[1] == 4 && bytes[2] & 4 != 0
  }

  /// The second element of the answer is an object identifier whose last arc is the encryption type. The first
  /// is the key itself, which the library wipes as it releases the set.
  private func sessionKeyEncryptionType() throws(KerberosError) -> Int32 {
    var minor: OM_uint32 = 0
    var set: gss_buffer_set_t?
    defer {
      var ignored: OM_uint32 = 0
      gss_release_buffer_set(&ignored, &set)
    }
    let major = gss_inquire_sec_context_by_oid(&minor, handle, keyval_gss_inquire_session_key(), &set)
    try GSS.check(major, minor, circumstances)
    guard let set, set.pointee.count >= 2 else {
      throw KerberosError(.other, "\(circumstances.action) failed: the session key's type cannot be read.")
    }
    return Self.lastArc(GSS.bytes(set.pointee.elements[1]))
  }

  /// The last arc of an object identifier's contents: base 128, high bit set on all bytes but the last.
  static func lastArc(_ identifier: [UInt8]) -> Int32 {
    guard let last = identifier.last, last < 0x80 else { return 0 }
    var value = Int32(last)
    var shift: Int32 = 7
    for byte in identifier.dropLast().reversed() {
      guard byte >= 0x80, shift < 28 else { break }
      value |= Int32(byte & 0x7f) << shift
      shift += 7
    }
    return value
  }

  private func authenticationIndicators() throws(KerberosError) -> [String] {
    guard let peerName else { return [] }
    var indicators: [String] = []
    var more: Int32 = -1
    while more != 0 {
      var minor: OM_uint32 = 0
      var isAuthenticated: Int32 = 0
      var isWhole: Int32 = 0
      var value = gss_buffer_desc()
      var shown = gss_buffer_desc()
      defer {
        var ignored: OM_uint32 = 0
        gss_release_buffer(&ignored, &value)
        gss_release_buffer(&ignored, &shown)
      }
      let before = more
      let major = GSS.withBuffer([UInt8]("auth-indicators".utf8)) { attribute in
        gss_get_name_attribute(
          &minor, peerName, &attribute, &isAuthenticated, &isWhole, &value, &shown, &more)
      }
      // The library says “unavailable” for a ticket that has none.
      if keyval_gss_is_error(major) != 0 || more == before { return indicators }
      if isAuthenticated != 0 { indicators.append(GSS.string(value)) }
    }
    return indicators
  }

  func pseudoRandom(input: [UInt8], length: Int) throws(KerberosError) -> [UInt8] {
    try requireComplete()
    var minor: OM_uint32 = 0
    var output = gss_buffer_desc()
    defer {
      if let value = output.value { explicit_bzero(value, output.length) }
      var ignored: OM_uint32 = 0
      gss_release_buffer(&ignored, &output)
    }
    let major = GSS.withBuffer(input) { input in
      gss_pseudo_random(&minor, handle, GSS_C_PRF_KEY_FULL, &input, length, &output)
    }
    try GSS.check(major, minor, circumstances)
    guard output.length == length else {
      throw KerberosError(.other, "\(circumstances.action) failed: too little key material came back.")
    }
    return GSS.bytes(output)
  }
}
