import CTLS
import Foundation

/// A connection by TLS 1.3 with AES-256-GCM: OpenSSL on a socket that does not block, and nothing between.
final class TLSConnection {
  let descriptor: Int32
  private let tls: OpaquePointer

  /// What all connections to a server have in common.
  final class Context {
    fileprivate let pointer: OpaquePointer

    /// - Parameter certificates: the directory of ``TLSCertificates``.
    init(certificates: String) throws {
      guard let context = SSL_CTX_new(TLS_client_method()) else { throw RedisError("no TLS: \(Self.reason)") }
      pointer = context
      benchmark_tls_partial_writes(context)
      guard benchmark_tls_13_only(context) == 1,
        SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") == 1,
        SSL_CTX_load_verify_locations(context, "\(certificates)/ca.crt", nil) == 1,
        SSL_CTX_use_certificate_chain_file(context, "\(certificates)/client.crt") == 1,
        SSL_CTX_use_PrivateKey_file(context, "\(certificates)/client.key", SSL_FILETYPE_PEM) == 1
      else { throw RedisError("TLS cannot be set up: \(Self.reason)") }
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    deinit { SSL_CTX_free(pointer) }

    static var reason: String {
      guard let text = ERR_reason_error_string(ERR_get_error()) else { return "no reason is given" }
      return String(cString: text)
    }
  }

  /// Connects, and blocks until the handshake is over.
  init(_ context: Context, port: Int) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw RedisError("there is no socket") }
    guard let tls = SSL_new(context.pointer) else {
      close(descriptor)
      throw RedisError("no TLS: \(Context.reason)")
    }
    (self.descriptor, self.tls) = (descriptor, tls)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected, SSL_set_fd(tls, descriptor) == 1, SSL_connect(tls) == 1 else {
      throw RedisError("there is no connection to port \(port): \(Context.reason)")
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0 else {
      throw RedisError("the socket cannot be set not to block")
    }
  }

  deinit {
    SSL_free(tls)
    close(descriptor)
  }

  /// - Returns: how many bytes were taken; 0: none at the moment.
  func write(_ bytes: UnsafeRawBufferPointer) throws(RedisError) -> Int {
    var count = 0
    guard SSL_write_ex(tls, bytes.baseAddress, bytes.count, &count) != 1 else { return count }
    try check()
    return 0
  }

  /// - Returns: how many bytes were read; 0: there are none at the moment.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(RedisError) -> Int {
    var count = 0
    guard SSL_read_ex(tls, buffer.baseAddress, buffer.count, &count) != 1 else { return count }
    try check()
    return 0
  }

  /// Whether bytes have been read from the socket and not from here.
  var hasMore: Bool { SSL_pending(tls) > 0 }

  private func check() throws(RedisError) {
    switch SSL_get_error(tls, 0) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: ERR_clear_error()
    default: throw RedisError("the connection ended: \(Context.reason)")
    }
  }
}
