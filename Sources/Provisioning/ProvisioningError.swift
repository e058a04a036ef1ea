/// Why a realm could not be made, started or changed.
public struct ProvisioningError: Error, CustomStringConvertible, Sendable, Equatable {
  public enum Fault: Sendable, Equatable {
    /// An argument, directory or file is not what it should be.
    case input
    /// A program of MIT Kerberos is not installed.
    case missingProgram
    /// The operating system refused something.
    case system
    /// A program refused or failed; the sentence has its own words.
    case program
    /// Another process took the port in the meantime.
    case portTaken
  }

  public let fault: Fault
  /// What went wrong and what to do about it.
  public let description: String

  public init(_ fault: Fault, _ description: String) {
    self.fault = fault
    self.description = description
  }

  static func system(_ what: String, _ code: Int32) -> ProvisioningError {
    ProvisioningError(.system, "\(what): \(systemMessage(code)).")
  }
}
