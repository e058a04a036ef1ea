import CKerberos
import Glibc

/// What the many codes of krb5, PKINIT, GSSAPI's Kerberos mechanism and kadm5 mean to us.
enum KerberosErrorCode {
  /// A protocol error number (RFC 4120 section 7.5.9, RFC 4556 section 3.1.3) as a library code.
  static func kerberos(_ number: Int32) -> krb5_error_code { -1_765_328_384 + number }

  /// A code of the Kerberos mechanism of GSSAPI; its table (“k5g”) has no public header.
  static func mechanism(_ number: Int32) -> krb5_error_code { 39_756_032 + number }

  static func reason(of code: krb5_error_code) -> KerberosError.Reason {
    table[code] ?? .other
  }

  private static let table: [krb5_error_code: KerberosError.Reason] = {
    var table: [krb5_error_code: KerberosError.Reason] = [:]
    for (reason, codes) in libraryCodes + kadminCodes {
      for code in codes { table[krb5_error_code(truncatingIfNeeded: code)] = reason }
    }
    for number: Int32 in 62...81 where number != 67 && number != 69 && number != 68 {
      table[kerberos(number)] = .certificateRefused
    }
    table[mechanism(0)] = .otherPrincipal  // the cache is another principal's
    table[mechanism(1)] = .unusableFile  // the keytab has no key of that name
    table[mechanism(2)] = .noTicket  // the cache has no ticket-granting ticket
    table[mechanism(12)] = .noTicket  // the cache is empty
    table[mechanism(3)] = .badToken  // no subkey
    table[mechanism(6)] = .badToken  // a length that does not fit
    return table
  }()

  private static let libraryCodes: [(KerberosError.Reason, [Int])] = [
    (.noTicket, [Int(KRB5_FCC_NOFILE), Int(KRB5_CC_NOTFOUND), Int(KRB5_NO_TKT_SUPPLIED)]),
    (.ticketExpired, [Int(KRB5KRB_AP_ERR_TKT_EXPIRED), Int(KRB5KRB_AP_ERR_TKT_NYV)]),
    (
      .kdcUnreachable,
      [
        Int(KRB5_KDC_UNREACH), Int(KRB5_REALM_CANT_RESOLVE), Int(KRB5KDC_ERR_SVC_UNAVAILABLE),
        Int(KRB5_REALM_UNKNOWN),
      ]
    ),
    (
      .policyRejects,
      [
        Int(KRB5KDC_ERR_POLICY), Int(KRB5KDC_ERR_CANNOT_POSTDATE), Int(KRB5KDC_ERR_NEVER_VALID),
        Int(KRB5KDC_ERR_MUST_USE_USER2USER), Int(KRB5KDC_ERR_BADOPTION),
      ]
    ),
    (.clientUnknown, [Int(KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN)]),
    (.serviceUnknown, [Int(KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN)]),
    (.clientExpired, [Int(KRB5KDC_ERR_NAME_EXP)]),
    (.clientLocked, [Int(KRB5KDC_ERR_CLIENT_REVOKED)]),
    (.clockSkew, [Int(KRB5KRB_AP_ERR_SKEW), Int(KRB5_KDCREP_SKEW)]),
    (.replay, [Int(KRB5KRB_AP_ERR_REPEAT), Int(KRB5_RC_REPLAY)]),
    (
      .wrongKeyVersion,
      [Int(KRB5KRB_AP_ERR_BADKEYVER), Int(KRB5KRB_AP_ERR_NOKEY), Int(KRB5_KT_KVNONOTFOUND)]
    ),
    (
      .wrongTarget,
      [
        Int(KRB5KRB_AP_ERR_NOT_US), Int(KRB5KRB_AP_WRONG_PRINC), Int(KRB5KRB_AP_ERR_BADMATCH),
        Int(KRB5_KT_NOTFOUND),
      ]
    ),
    (
      .wrongRealm,
      [
        Int(KRB5KDC_ERR_WRONG_REALM), Int(KRB5_NO_TKT_IN_RLM), Int(KRB5KRB_AP_ERR_ILL_CR_TKT),
        Int(KRB5KRB_AP_PATH_NOT_ACCEPTED), Int(KRB5KDC_ERR_PATH_NOT_ACCEPTED),
        Int(KRB5_IN_TKT_REALM_MISMATCH),
      ]
    ),
    (
      .preauthenticationFailed,
      [
        Int(KRB5KDC_ERR_PREAUTH_FAILED), Int(KRB5_PREAUTH_FAILED), Int(KRB5KDC_ERR_PREAUTH_REQUIRED),
        Int(KRB5KDC_ERR_NULL_KEY),
      ]
    ),
    (.passwordExpired, [Int(KRB5KDC_ERR_KEY_EXP)]),
    (
      .badToken,
      [
        Int(KRB5KRB_AP_ERR_BAD_INTEGRITY), Int(KRB5KRB_AP_ERR_MODIFIED), Int(KRB5KRB_AP_ERR_MSG_TYPE),
        Int(KRB5KRB_AP_ERR_BADVERSION), Int(KRB5_BADMSGTYPE), Int(KRB5_MUTUAL_FAILED),
        Int(KRB5KRB_AP_ERR_MUT_FAIL), Int(KRB5KRB_AP_ERR_TKT_INVALID),
      ]
    ),
    (
      .encryptionType,
      [
        Int(KRB5KDC_ERR_ETYPE_NOSUPP), Int(KRB5_NOPERM_ETYPE), Int(KRB5_CONFIG_ETYPE_NOSUPP),
        Int(KRB5_PROG_ETYPE_NOSUPP), Int(KRB5_BAD_ENCTYPE),
      ]
    ),
    (
      .unusableFile,
      [
        Int(KRB5_FCC_PERM), Int(KRB5_CC_IO), Int(KRB5_CC_FORMAT), Int(KRB5_CC_END),
        Int(KRB5_KT_IOERR), Int(KRB5_KT_FORMAT),
        Int(KRB5_KEYTAB_BADVNO), Int(KRB5_CONFIG_CANTOPEN), Int(KRB5_CONFIG_BADFORMAT),
        Int(KRB5_CC_BADNAME), Int(KRB5_CCACHE_BADVNO), Int(KRB5_CC_UNKNOWN_TYPE), Int(KRB5_RC_IO),
        Int(KRB5_RC_IO_PERM),
        Int(ENOENT), Int(EACCES), Int(KRB5_KT_BADNAME), Int(KRB5_KT_UNKNOWN_TYPE),
      ]
    ),
    (.badArgument, [Int(KRB5_PARSE_MALFORMED), Int(KRB5_PARSE_ILLCHAR), Int(KRB5_CONFIG_NODEFREALM)]),
  ]

  private static let kadminCodes: [(KerberosError.Reason, [Int])] = [
    (
      .notPermitted,
      [
        Int(KADM5_AUTH_GET), Int(KADM5_AUTH_ADD), Int(KADM5_AUTH_MODIFY), Int(KADM5_AUTH_DELETE),
        Int(KADM5_AUTH_LIST), Int(KADM5_AUTH_CHANGEPW), Int(KADM5_AUTH_SETKEY), Int(KADM5_AUTH_EXTRACT),
        Int(KADM5_AUTH_INSUFFICIENT), Int(KADM5_AUTH_INITIAL),
      ]
    ),
    (.alreadyExists, [Int(KADM5_DUP)]),
    (.clientUnknown, [Int(KADM5_UNK_PRINC)]),
    (.kdcUnreachable, [Int(KADM5_RPC_ERROR), Int(KADM5_NO_SRV), Int(KADM5_CANT_RESOLVE)]),
    (.preauthenticationFailed, [Int(KADM5_BAD_PASSWORD)]),
  ]
}
