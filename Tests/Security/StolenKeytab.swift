import CKerberos
import Cryptography

/// What a service's keytab tells of handshakes that somebody has recorded: everything that Kerberos gave to them.
struct StolenKeytab {
  /// The session key of the ticket, the subkey that the service chose, and what both sides computed from it.
  struct Opened {
    var sessionKey: [UInt8]
    var subkey: [UInt8]
    var preSharedKey: [UInt8]
  }

  struct Failure: Error { let (what, code): (String, krb5_error_code) }

  let path: String
  let service: String

  /// - Parameters:
  ///   - request, reply: the tokens as they travelled.
  ///   - input: of the pseudo-random function.
  func open(request: [UInt8], reply: [UInt8], input: [UInt8], length: Int) throws -> Opened {
    var context: krb5_context?
    try check(krb5_init_context(&context), "a context")
    defer { krb5_free_context(context) }
    var keytab: krb5_keytab?
    try check(krb5_kt_resolve(context, "FILE:\(path)", &keytab), path)
    defer { krb5_kt_close(context, keytab) }
    var principal: krb5_principal?
    try check(krb5_parse_name(context, service, &principal), service)
    defer { krb5_free_principal(context, principal) }
    var exchange: krb5_auth_context?
    try check(krb5_auth_con_init(context, &exchange), "an exchange")
    defer { krb5_auth_con_free(context, exchange) }
    // A thief asks no replay cache.
    try check(krb5_auth_con_setflags(context, exchange, 0), "its flags")

    try Self.withData(Self.message(in: request)) { data in
      try check(krb5_rd_req(context, &exchange, data, principal, keytab, nil, nil), "the request")
    }
    var sessionKey: UnsafeMutablePointer<krb5_keyblock>?
    try check(krb5_auth_con_getkey(context, exchange, &sessionKey), "the session key")
    defer { krb5_free_keyblock(context, sessionKey) }
    try Self.withData(Self.message(in: reply)) { data in
      var part: UnsafeMutablePointer<krb5_ap_rep_enc_part>?
      try check(krb5_rd_rep(context, exchange, data, &part), "the reply")
      krb5_free_ap_rep_enc_part(context, part)
    }
    var subkey: UnsafeMutablePointer<krb5_keyblock>?
    try check(krb5_auth_con_getrecvsubkey(context, exchange, &subkey), "the service's subkey")
    defer { krb5_free_keyblock(context, subkey) }
    guard let subkey, let sessionKey else { throw Failure(what: "a key", code: 0) }
    return Opened(
      sessionKey: Self.bytes(sessionKey.pointee), subkey: Self.bytes(subkey.pointee),
      preSharedKey: try pseudoRandom(context, subkey, input, length))
  }

  /// RFC 4402: the blocks for 0, 1, … one behind the other.
  private func pseudoRandom(
    _ context: krb5_context?, _ key: UnsafeMutablePointer<krb5_keyblock>, _ input: [UInt8], _ length: Int
  ) throws -> [UInt8] {
    var block = 0
    try check(krb5_c_prf_length(context, key.pointee.enctype, &block), "the length of a block")
    var result: [UInt8] = []
    var number: UInt32 = 0
    while result.count < length {
      let numbered = withUnsafeBytes(of: number.bigEndian) { Array($0) } + input
      var output = [UInt8](repeating: 0, count: block)
      try Self.withData(numbered) { data in
        try output.withUnsafeMutableBytes { bytes in
          var into = krb5_data()
          into.length = UInt32(bytes.count)
          into.data = bytes.bindMemory(to: CChar.self).baseAddress
          try check(krb5_c_prf(context, key, data, &into), "pseudo-random bytes")
        }
      }
      result += output
      number += 1
    }
    return Array(result.prefix(length))
  }

  /// What is in a token behind its frame (RFC 4121, section 4.1): length, mechanism, kind.
  private static func message(in token: [UInt8]) -> [UInt8] {
    let lengthOfLength = token.count > 1 && token[1] >= 0x80 ? Int(token[1] & 0x7f) : 0
    let mechanism = 11
    return Array(token.dropFirst(2 + lengthOfLength + mechanism + 2))
  }

  private static func withData<Result>(
    _ bytes: [UInt8], _ body: (UnsafeMutablePointer<krb5_data>) throws -> Result
  ) rethrows -> Result {
    var bytes = bytes
    return try bytes.withUnsafeMutableBytes { buffer in
      var data = krb5_data()
      data.length = UInt32(buffer.count)
      data.data = buffer.bindMemory(to: CChar.self).baseAddress
      return try body(&data)
    }
  }

  private static func bytes(_ key: krb5_keyblock) -> [UInt8] {
    Array(UnsafeBufferPointer(start: key.contents, count: Int(key.length)))
  }

  private func check(_ code: krb5_error_code, _ what: String) throws {
    guard code == 0 else { throw Failure(what: what, code: code) }
  }
}
