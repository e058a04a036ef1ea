/// How the command ends, as its caller sees it. Above 2 the numbers are those of sysexits.h.
enum CommandStatus: Int32, Error, Sendable {
  case done = 0
  case notFound = 1
  case noTicket = 2
  case usage = 64
  /// Something that was read (a file, a value) is not what it should be.
  case badData = 65
  /// The cluster cannot be reached, or cannot answer now.
  case unavailable = 69
  /// A fault of Keyval itself.
  case internalFault = 70
  /// The operating system refused something.
  case systemFailure = 71
  case inputOutput = 74
  case notPermitted = 77
  case configuration = 78
}
