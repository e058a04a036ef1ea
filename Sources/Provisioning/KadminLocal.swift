/// kadmin.local: administration beside the database itself, with no daemon running and no password asked.
struct KadminLocal {
  let layout: RealmLayout
  let realm: String
  let user: UnixUser

  /// Runs commands in their order. One that fails is reported after all have run: they are not one
  /// transaction, so each must be harmless to repeat or to miss.
  @discardableResult
  func run(_ commands: [String]) throws(ProvisioningError) -> String {
    // The name under which the changes stand in the database. Without one the program looks for its user in the
    // system's table, where a daemons' user need not be.
    let outcome = try ProgramRun.run(
      [try Programs.kadminLocal(), "-r", realm, "-p", "keyval/admin@\(realm)"],
      environment: layout.serverEnvironment, user: user,
      input: commands.joined(separator: "\n") + "\n")
    let lines = outcome.output.split(separator: "\n")
    let complaints = lines.filter(Self.isComplaint)
    // A change that nobody complained about, and nobody confirmed, did not happen either.
    let confirmed = lines.filter(Self.isConfirmation).count
    let expected = commands.filter { !Self.goesUnconfirmed($0) }.count
    guard outcome.status == 0, complaints.isEmpty, confirmed >= expected else {
      let words = complaints.isEmpty ? lines.suffix(5) : complaints
      throw ProvisioningError(
        .program,
        "kadmin.local for the realm \(realm) failed: \(words.joined(separator: "; ")) "
          + "(status \(outcome.status), \(confirmed) of \(expected) changes confirmed)")
    }
    return outcome.output
  }

  /// A question; or a policy that is added or deleted, of which nothing is said: whoever needs to know looks for it.
  private static func goesUnconfirmed(_ command: String) -> Bool {
    command.hasPrefix("list") || command.hasPrefix("get") || command.hasPrefix("addpol")
      || command.hasPrefix("delpol")
  }

  private static func isConfirmation(_ line: Substring) -> Bool {
    line.contains("\" created.") || line.contains("\" modified.")
      || line.contains("Attribute set for principal") || line.contains("Attribute removed from principal")
      || line.contains("added to keytab") || line.contains("\" deleted.")
  }

  /// kadmin says what went wrong as “command: reason while doing”, and exits with 0 all the same.
  private static func isComplaint(_ line: Substring) -> Bool {
    line.contains(" while ") || line.hasPrefix("usage:") || line.contains("Unknown request")
      || line.contains(": Invalid ")
  }
}
