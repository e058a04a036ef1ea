import Cluster
import Measuring
import NIOCore
import Sessions
import Transport
import Wire

/// Takes what comes and does nothing with it.
final class Ignorant: SessionHandler {
  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {}
  func closed(_ session: Session, error: SessionError?) {}
}

/// Asks for one key as soon as there is a session.
final class OneRead: SessionHandler {
  private let key: [UInt8]
  private let answered: EventLoopPromise<Void>

  /// - Parameter answered: succeeds when an answer has come, whatever it says.
  init(_ key: [UInt8], answered: EventLoopPromise<Void>) {
    self.key = key
    self.answered = answered
  }

  func sessionOpened(_ session: Session) {
    do {
      try session.write(messages: DataRequest.get(0, key))
      session.flush()
    } catch { answered.fail(error) }
  }

  func received(_ messages: UnsafeRawBufferPointer, on session: Session) { answered.succeed() }
  func closed(_ session: Session, error: SessionError?) {
    answered.fail(BenchmarkError("the session ended without an answer"))
  }
}

extension DataRequest {
  /// The request for a key, as it is sent.
  static func get(_ number: UInt64, _ key: [UInt8]) -> [UInt8] {
    var writer = CBORWriter()
    writer.beginArray(3)
    writer.write(unsigned: ReadKind.get.rawValue)
    writer.write(unsigned: number)
    writer.write(bytes: key)
    return writer.bytes
  }
}
