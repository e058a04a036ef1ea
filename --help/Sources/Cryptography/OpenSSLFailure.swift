import COpenSSL

/// The reason that OpenSSL left on this thread's error queue. The queue is emptied, so that a failure here is
/// never mistaken for that of a later call, ours or a library's.
func takeOpenSSLReason() -> String {
  let code = ERR_peek_last_error()
  defer { ERR_clear_error() }
  guard code != 0, let text = ERR_reason_error_string(code) else { return "no reason given" }
  return String(cString: text)
}

/// Makes the typed error of a failed OpenSSL call, and empties the error queue.
func openSSLFailure(_ operation: String) -> CryptographyError {
  .openSSL(operation: operation, reason: takeOpenSSLReason())
}

/// For what only a broken installation or exhausted memory makes fail, whatever a peer sends: going on
/// without a digest or without randomness would be worse than stopping.
func stopForBrokenOpenSSL(_ operation: String) -> Never {
  fatalError(openSSLFailure(operation).description)
}

/// Unwraps what an OpenSSL constructor returned.
func require<Value>(_ value: Value?, _ operation: String) throws(CryptographyError) -> Value {
  guard let value else { throw openSSLFailure(operation) }
  return value
}

/// Checks the result of an OpenSSL call that returns 1 for success.
func check(_ result: Int32, _ operation: String) throws(CryptographyError) {
  guard result == 1 else { throw openSSLFailure(operation) }
}
