import CKerberos
import Glibc

// libkadm5's calls, one method each, with everything they allocate given back.
extension KadminSession {
  /// A principal without any key, bearing tagged data, and locked: `openOffice` opens it.
  func createKeyless(
    _ principal: String, tagged: UnsafeMutableBufferPointer<UInt8>
  ) throws(KerberosError) {
    let name = try PrincipalName(principal, in: context)
    var data = krb5_tl_data()
    data.tl_data_type = Kadmin.fingerprintType
    data.tl_data_length = UInt16(clamping: tagged.count)
    data.tl_data_contents = tagged.baseAddress
    var entry = kadm5_principal_ent_rec()
    entry.principal = name.raw
    entry.attributes = Self.officeAttributes | krb5_flags(KRB5_KDB_DISALLOW_ALL_TIX)
    entry.max_life = Self.officeLife
    let mask =
      KADM5_PRINCIPAL | KADM5_ATTRIBUTES | KADM5_MAX_LIFE | KADM5_KEY_DATA | KADM5_TL_DATA
    let code = withUnsafeMutablePointer(to: &data) { data in
      entry.tl_data = data
      entry.n_tl_data = 1
      return kadm5_create_principal_3(handle, &entry, Int(mask), 0, nil, nil)
    }
    try check(code)
  }

  /// An office is a client for a minute at a time: no service, nothing to forward, renew or postdate.
  private static var officeAttributes: krb5_flags {
    krb5_flags(
      KRB5_KDB_REQUIRES_PRE_AUTH | KRB5_KDB_DISALLOW_SVR | KRB5_KDB_DISALLOW_FORWARDABLE
        | KRB5_KDB_DISALLOW_RENEWABLE | KRB5_KDB_DISALLOW_PROXIABLE | KRB5_KDB_DISALLOW_POSTDATED)
  }
  private static var officeLife: krb5_deltat { 60 }

  /// Lets an office have tickets, once it has its rule.
  func openOffice(_ principal: String) throws(KerberosError) {
    try modify(principal, attributes: Self.officeAttributes)
  }

  func create(
    _ principal: String, password: String, attributes: Int32, expiry: Int64
  ) throws(KerberosError) {
    let name = try PrincipalName(principal, in: context)
    var entry = kadm5_principal_ent_rec()
    entry.principal = name.raw
    entry.attributes = krb5_flags(attributes)
    entry.princ_expire_time = krb5_timestamp(bitPattern: UInt32(clamping: expiry))
    let mask = KADM5_PRINCIPAL | KADM5_ATTRIBUTES | KADM5_PRINC_EXPIRE_TIME
    var bytes = password.utf8CString
    let code = bytes.withUnsafeMutableBufferPointer { password in
      let code = kadm5_create_principal_3(handle, &entry, Int(mask), 0, nil, password.baseAddress)
      password.update(repeating: 0)
      return code
    }
    try check(code)
  }

  func modify(_ principal: String, attributes: Int32) throws(KerberosError) {
    let name = try PrincipalName(principal, in: context)
    var entry = kadm5_principal_ent_rec()
    entry.principal = name.raw
    entry.attributes = krb5_flags(attributes)
    try check(kadm5_modify_principal(handle, &entry, Int(KADM5_ATTRIBUTES)))
  }

  func modify(_ principal: String, expiry: krb5_timestamp) throws(KerberosError) {
    let name = try PrincipalName(principal, in: context)
    var entry = kadm5_principal_ent_rec()
    entry.principal = name.raw
    entry.princ_expire_time = expiry
    try check(kadm5_modify_principal(handle, &entry, Int(KADM5_PRINC_EXPIRE_TIME)))
  }

  func setString(of principal: String, _ key: String, _ value: String) throws(KerberosError) {
    let name = try PrincipalName(principal, in: context)
    try check(kadm5_set_string(handle, name.raw, key, value))
  }

  /// Nil when the principal has no such string.
  func string(of principal: String, _ key: String) throws(KerberosError) -> String? {
    let name = try PrincipalName(principal, in: context)
    var strings: UnsafeMutablePointer<krb5_string_attr>?
    var count: Int32 = 0
    try check(kadm5_get_strings(handle, name.raw, &strings, &count))
    defer { kadm5_free_strings(handle, strings, count) }
    for attribute in UnsafeBufferPointer(start: strings, count: Int(count)) {
      guard let found = attribute.key, String(cString: found) == key else { continue }
      return attribute.value.map { String(cString: $0) }
    }
    return nil
  }

  func delete(_ principal: String) throws(KerberosError) {
    let name = try PrincipalName(principal, in: context)
    try check(kadm5_delete_principal(handle, name.raw))
  }

  /// The data under the fingerprint's tag, nil when the principal bears none.
  func taggedData(of principal: String) throws(KerberosError) -> [UInt8]? {
    let name = try PrincipalName(principal, in: context)
    var entry = kadm5_principal_ent_rec()
    try check(kadm5_get_principal(handle, name.raw, &entry, Int(KADM5_TL_DATA)))
    defer { kadm5_free_principal_ent(handle, &entry) }
    var next = entry.tl_data
    while let data = next {
      if data.pointee.tl_data_type == Kadmin.fingerprintType {
        return [UInt8](
          UnsafeBufferPointer(start: data.pointee.tl_data_contents, count: Int(data.pointee.tl_data_length)))
      }
      next = data.pointee.tl_data_next
    }
    return nil
  }

  func keyVersion(of principal: String) throws(KerberosError) -> krb5_kvno {
    let name = try PrincipalName(principal, in: context)
    var entry = kadm5_principal_ent_rec()
    try check(kadm5_get_principal(handle, name.raw, &entry, Int(KADM5_KVNO)))
    defer { kadm5_free_principal_ent(handle, &entry) }
    return entry.kvno
  }

  /// - Parameter pattern: a shell-like pattern over whole principal names.
  func principals(matching pattern: String) throws(KerberosError) -> [String] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    var count: Int32 = 0
    var bytes = pattern.utf8CString
    let code = bytes.withUnsafeMutableBufferPointer { pattern in
      kadm5_get_principals(handle, pattern.baseAddress, &names, &count)
    }
    try check(code)
    defer { kadm5_free_name_list(handle, names, count) }
    return UnsafeBufferPointer(start: names, count: Int(count)).compactMap { name in
      name.map { String(cString: $0) }
    }
  }

  /// Gives the principal a new random key and hands the keys to `body`; they are wiped afterwards.
  func randomizeKey<R>(
    of principal: String, keepOld: Bool,
    _ body: (UnsafeMutableBufferPointer<krb5_keyblock>, krb5_kvno) throws(KerberosError) -> R
  ) throws(KerberosError) -> R {
    let name = try PrincipalName(principal, in: context)
    var keys: UnsafeMutablePointer<krb5_keyblock>?
    var count: Int32 = 0
    try check(kadm5_randkey_principal_3(handle, name.raw, keepOld ? 1 : 0, 0, nil, &keys, &count))
    let buffer = UnsafeMutableBufferPointer(start: keys, count: Int(count))
    defer {
      for index in buffer.indices { krb5_free_keyblock_contents(context.raw, &buffer[index]) }
      free(keys)
    }
    return try body(buffer, try keyVersion(of: principal))
  }
}
