/// How the command ends, as its caller sees it. Above 2 the numbers are those of sysexits.h.
struct CommandStatus: RawRepresentable, Equatable, Sendable {
  let rawValue: Int32

  static let done = CommandStatus(rawValue: 0)
  static let notFound = CommandStatus(rawValue: 1)
  static let noTicket = CommandStatus(rawValue: 2)
  static let usage = CommandStatus(rawValue: 64)
  /// Something that was read (a file, a value) is not what it should be.
  static let badData = CommandStatus(rawValue: 65)
  /// A file cannot be used.
  static let noInput = CommandStatus(rawValue: 66)
  /// The cluster cannot be reached, or cannot answer now.
  static let unavailable = CommandStatus(rawValue: 69)
  /// A fault of Keyval itself.
  static let internalFault = CommandStatus(rawValue: 70)
  /// The operating system refused something.
  static let systemFailure = CommandStatus(rawValue: 71)
  static let inputOutput = CommandStatus(rawValue: 74)
  /// Something could not be done now; it may be tried again.
  static let temporary = CommandStatus(rawValue: 75)
  static let notPermitted = CommandStatus(rawValue: 77)
  static let configuration = CommandStatus(rawValue: 78)

  /// As a shell tells of a program that a signal ended.
  static func interrupted(_ signal: Int32) -> CommandStatus { CommandStatus(rawValue: 128 + signal) }
}
