import NIOCore
import Sessions
import Transport
import Wire

/// What a test sees of a session.
enum SessionEvent: Sendable {
  case opened(SessionReference)
  case received([UInt8])
  case readCompleted
  case writability(Bool)
  case noticed(SessionNotice)
  case closed(SessionError?)

  var error: SessionError? {
    if case .closed(let error) = self { return error }
    return nil
  }

  var isClosed: Bool {
    if case .closed = self { return true }
    return false
  }

  var isNotice: Bool {
    if case .noticed = self { return true }
    return false
  }
}

/// Writes everything into a journal, and acts as its hooks say.
final class JournalHandler: SessionHandler {
  let journal: Journal<SessionEvent>
  var onReceived: (UnsafeRawBufferPointer, Session) -> Void = { _, _ in }
  var onReadCompleted: (Session) -> Void = { _ in }
  var onWritable: (Session) -> Void = { _ in }

  init(_ journal: Journal<SessionEvent>) { self.journal = journal }

  func sessionOpened(_ session: Session) { journal.append(.opened(SessionReference(session))) }
  func received(_ messages: UnsafeRawBufferPointer, on session: Session) {
    journal.append(.received([UInt8](messages)))
    onReceived(messages, session)
  }
  func readCompleted(on session: Session) {
    onReadCompleted(session)
    journal.append(.readCompleted)
  }
  func writabilityChanged(_ isWritable: Bool, on session: Session) {
    journal.append(.writability(isWritable))
    if isWritable { onWritable(session) }
  }
  func noticed(_ notice: SessionNotice, on session: Session) { journal.append(.noticed(notice)) }
  func closed(_ session: Session, error: SessionError?) { journal.append(.closed(error)) }

  /// Sends every message back by itself.
  static func echo(_ journal: Journal<SessionEvent>) -> JournalHandler {
    let handler = JournalHandler(journal)
    handler.onReceived = { messages, session in
      var reader = CBORReader(messages)
      while !reader.isAtEnd, let message = try? reader.skip() { try? session.write(messages: message) }
    }
    return handler
  }
}
