import Cluster
import Kerberos
import Logging
import Sessions

/// Reads one setting at a time and says what is wrong with it.
struct ConfigurationReader {
  let sources: ConfigurationSources

  /// A text that must be there and not empty.
  func text(_ key: String, remedy: String) throws(NodeError) -> String {
    try located(key, remedy: remedy).value
  }

  private func located(_ key: String, remedy: String) throws(NodeError) -> (value: String, source: String) {
    guard let found = try sources.string(key) else {
      throw .configuration(
        source: sources.file, key: key, problem: "is missing",
        remedy: "\(remedy) (Or set \(ConfigurationSources.variable(key)).)")
    }
    guard !found.value.isEmpty else {
      throw .configuration(source: found.source, key: key, problem: "is empty", remedy: remedy)
    }
    return found
  }

  /// A text that can be a component of a principal.
  func name(_ key: String, what: String, example: String) throws(NodeError) -> String {
    let remedy = "Write \(what) in letters, digits and . _ - $ +, such as \(example)."
    let found = try located(key, remedy: remedy)
    guard found.value.utf8.count <= 64, (try? Principal("x/\(found.value)@\(found.value)")) != nil else {
      throw .configuration(
        source: found.source, key: key, problem: "is ‘\(found.value.prefix(80))’, which is not \(what)",
        remedy: remedy)
    }
    return found.value
  }

  func principal(role: Role, name: String, realm: String) throws(NodeError) -> Principal {
    do {
      return try Principal(role: role, node: name, realm: realm)
    } catch {
      throw .configuration(
        source: sources.file, key: "name", problem: "makes no principal: \(error)",
        remedy: "Choose a shorter name.")
    }
  }

  func listen() throws(NodeError) -> NodeConfiguration.Listen {
    let remedy = "Write host:port, such as \"127.0.0.1:6234\"; port 0 takes any that is free."
    let found = try located("listen", remedy: remedy)
    if let endpoint = Endpoint(found.value) { return .init(host: endpoint.host, port: endpoint.port) }
    // Port 0 is no address to dial, so `Endpoint` refuses it; to listen on it is fine.
    if found.value.hasSuffix(":0"), let endpoint = Endpoint(found.value.dropLast() + "1") {
      return .init(host: endpoint.host, port: 0)
    }
    throw wrongAddress("listen", found, remedy)
  }

  func endpointIfAny(_ key: String) throws(NodeError) -> Endpoint? {
    guard let found = try sources.string(key) else { return nil }
    guard let endpoint = Endpoint(found.value) else {
      throw wrongAddress(key, found, "Write host:port, such as \"192.0.2.7:6234\".")
    }
    return endpoint
  }

  private func wrongAddress(
    _ key: String, _ found: (value: String, source: String), _ remedy: String
  ) -> NodeError {
    .configuration(
      source: found.source, key: key, problem: "is ‘\(found.value.prefix(80))’, which is no address",
      remedy: remedy)
  }

  /// Nobody can dial “every address”.
  func requireAdvertised(listen: NodeConfiguration.Listen, advertise: Endpoint?) throws(NodeError) {
    guard advertise == nil, listen.host == "0.0.0.0" || listen.host == "::" else { return }
    throw .configuration(
      source: sources.file, key: "advertise",
      problem: "is missing, and ‘listen’ is every address (\(listen)), which nobody can dial",
      remedy: "Write the host:port at which other nodes and clients reach this one.")
  }

  func number(_ key: String, in range: ClosedRange<Int>) throws(NodeError) -> Int? {
    guard let found = try sources.int(key) else { return nil }
    guard range.contains(found.value) else {
      throw .configuration(
        source: found.source, key: key, problem: "is \(found.value)",
        remedy: "Write a whole number from \(range.lowerBound) to \(range.upperBound).")
    }
    return found.value
  }

  func logLevel() throws(NodeError) -> Logger.Level {
    guard let found = try sources.string("log.level") else { return .info }
    guard let level = Logger.Level(rawValue: found.value) else {
      throw .configuration(
        source: found.source, key: "log.level", problem: "is ‘\(found.value.prefix(80))’",
        remedy: "Write one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return level
  }

  func sessionLimits() throws(NodeError) -> SessionLimits {
    let range = 1...(1 << 20)
    var limits = SessionLimits()
    limits.sessions = try number("sessions.total", in: range) ?? limits.sessions
    limits.sessionsPerPrincipal =
      try number("sessions.per-principal", in: range) ?? limits.sessionsPerPrincipal
    limits.sessionsPerSource = try number("sessions.per-address", in: range) ?? limits.sessionsPerSource
    return limits
  }

  func audit() throws(NodeError) -> AuditSettings {
    var settings = AuditSettings()
    if let found = try sources.string("audit.path") {
      guard !found.value.isEmpty, !found.value.hasSuffix("/") else {
        throw .configuration(
          source: found.source, key: "audit.path",
          problem: "is ‘\(found.value.prefix(80))’, which is no file",
          remedy: "Write the path of a file, such as \"/var/log/keyval/d1.jsonl\".")
      }
      settings.path = found.value
    }
    settings.bytes = try number("audit.bytes", in: 65_536...(1 << 40)) ?? settings.bytes
    settings.files = try number("audit.files", in: 2...1_000) ?? settings.files
    settings.data = try choice("audit.data") ?? settings.data
    settings.keys = try choice("audit.keys") ?? settings.keys
    return settings
  }

  private func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String
  ) throws(NodeError) -> Choice? {
    guard let found = try sources.string(key) else { return nil }
    guard let choice = Choice(rawValue: found.value) else {
      throw .configuration(
        source: found.source, key: key, problem: "is ‘\(found.value.prefix(80))’",
        remedy: "Write one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return choice
  }

  func level() throws(NodeError) -> AcknowledgementLevel {
    guard let found = try sources.string("acknowledgement") else { return .secured }
    guard let level = AcknowledgementLevel(name: found.value) else {
      throw .configuration(
        source: found.source, key: "acknowledgement", problem: "is ‘\(found.value.prefix(80))’",
        remedy: "Write one of \(AcknowledgementLevel.allCases.map(\.name).joined(separator: ", ")).")
    }
    return level
  }

  func authority(realm: String) throws(NodeError) -> RegisteredNode {
    let name = try located(
      "authority.principal", remedy: "Write the authority's principal: keyval-authority/NAME@\(realm).")
    guard let principal = try? Principal(name.value), principal.role == .authority, principal.realm == realm
    else {
      throw .configuration(
        source: name.source, key: "authority.principal",
        problem: "is ‘\(name.value.prefix(80))’, which is no authority of the realm \(realm)",
        remedy: "Write keyval-authority/NAME@\(realm).")
    }
    let address = try located(
      "authority.address", remedy: "Write the authority's host:port, such as \"127.0.0.1:6233\".")
    guard let endpoint = Endpoint(address.value) else {
      throw wrongAddress("authority.address", address, "Write host:port, such as \"127.0.0.1:6233\".")
    }
    return RegisteredNode(principal: principal, endpoint: endpoint)
  }

  /// The people who may enroll and remove nodes.
  func administrators(realm: String) throws(NodeError) -> [Principal] {
    var administrators: [Principal] = []
    let found = try sources.strings("administrators")
    for text in found?.value ?? [] where !text.isEmpty {
      guard let principal = try? Principal(text), principal.role == nil else {
        throw .configuration(
          source: found?.source ?? sources.file, key: "administrators",
          problem: "holds ‘\(text.prefix(80))’, which is no person's principal",
          remedy: "Write principals such as \"alice@\(realm)\".")
      }
      administrators.append(principal)
    }
    return administrators
  }

  func authoritySettings(realm: String) throws(NodeError) -> NodeConfiguration.AuthoritySettings {
    let administrators = try administrators(realm: realm)
    return .init(
      certificatePath: try text(
        "ca.certificate", remedy: "Name the PEM file of the election CA's certificate."),
      keyPath: try text("ca.key", remedy: "Name the PEM file of the election CA's private key."),
      membershipKeyPath: try text(
        "membership-key", remedy: "Name the PEM file of the private key that signs membership lists."),
      administrators: administrators,
      accessPath: try text(
        "access", remedy: "Name the file of the access list, which says who may do what."))
  }

  /// The files come last: a wrong setting should be mended before anything on disk is.
  func checkFiles(of configuration: NodeConfiguration) throws(NodeError) {
    do throws(KerberosError) {
      try Keytab.checkPermissions(configuration.keytab)
    } catch {
      throw .configuration(
        source: sources.file, key: "keytab", problem: "names a keytab that is refused: \(error)",
        remedy: "Then start this node again.")
    }
    _ = try NodeFiles.contents(of: configuration.anchorsPath, key: "anchors", maximum: 1 << 20)
    _ = try NodeFiles.contents(of: configuration.membershipPath, key: "membership", maximum: 1 << 20)
    if let settings = configuration.authoritySettings {
      _ = try NodeFiles.contents(of: settings.certificatePath, key: "ca.certificate", maximum: 1 << 20)
      try NodeFiles.require(settings.keyPath, key: "ca.key", .secret)
      try NodeFiles.require(settings.membershipKeyPath, key: "membership-key", .secret)
      _ = try AccessListFile(path: settings.accessPath).read()
    }
    try NodeFiles.prepareDirectory(configuration.directory, key: "directory")
  }
}
