import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
  /// In milliseconds (RFC 5482). Bytes that a full window keeps back count as unconfirmed, too.
  static var unconfirmedTime: Self { .tcpOption(.init(rawValue: TCP_USER_TIMEOUT)) }
}

extension ChannelOptions.Types.SocketOption.Value {
  static func milliseconds(_ duration: Duration) -> Self {
    Self(clamping: Int64(duration / .milliseconds(1)))
  }
}
