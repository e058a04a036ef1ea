/// kadmin.local: administration beside the database itself, with no daemon running and no password asked.
struct KadminLocal {
  let layout: RealmLayout
  let realm: String
  let user: UnixUser

  /// Runs commands in their order. One that fails is reported after all have run: they are not one
  /// transaction, so each must be harmless to repeat or to miss.
  @discardableResult
  func run(_ commands: [String]) throws(ProvisioningError) -> String {
    let outcome = try ProgramRun.run(
      [try Programs.kadminLocal(), "-r", realm], environment: layout.serverEnvironment, user: user,
      input: commands.joined(separator: "\n") + "\n")
    let complaints = outcome.output.split(separator: "\n").filter(Self.isComplaint)
    guard outcome.status == 0, complaints.isEmpty else {
      let words = complaints.isEmpty ? outcome.output : complaints.joined(separator: "; ")
      throw ProvisioningError(.program, "kadmin.local for the realm \(realm) failed: \(words)")
    }
    return outcome.output
  }

  /// kadmin says what went wrong as “command: reason while doing”, and exits with 0 all the same.
  private static func isComplaint(_ line: Substring) -> Bool {
    let line = line.drop { $0 == " " }
    let isPrompted = line.hasPrefix("kadmin.local:  ")
    let text = isPrompted ? line.dropFirst("kadmin.local:  ".count) : line
    return text.contains(" while ") || text.hasPrefix("usage:") || text.contains("Unknown request")
      || text.contains("Invalid ")
  }
}
