import RealmTemplates

/// The realm's configuration files, made from the templates in `Realm/`.
struct RealmConfiguration {
  let settings: RealmSettings
  let ports: RealmPorts
  let layout: RealmLayout
  /// Further realms that clients of this one know, as lines of the `[realms]` section and after.
  var moreRealms = ""

  private var values: [String: String] {
    [
      "REALM": settings.realm, "HOST": settings.host, "KDC_PORT": String(ports.kdc),
      "KADMIND_PORT": String(ports.kadmind), "KPASSWD_PORT": String(ports.kpasswd),
      "KDC_LINES": "        kdc = \(settings.host):\(ports.kdc)", "ANCHORS": layout.anchors,
      "KDC_DIRECTORY": layout.kdcDirectory, "CLOCK_SKEW": String(settings.clockSkew),
      "AUTHORITY": "keyval-authority/\(settings.authority)@\(settings.realm)", "MORE_REALMS": moreRealms,
    ]
  }

  /// Writes all files and the settings, so that daemons, nodes and `Realm.open` agree.
  /// - Parameter owner: whose the daemons' files are; what others read is this process's user's.
  func write(owner: UnixUser) throws(ProvisioningError) {
    try write(RealmTemplates.clientConfiguration, to: layout.clientConfiguration, 0o644, .current)
    try write(RealmTemplates.serverConfiguration, to: layout.serverConfiguration, 0o600, owner)
    try writeRules(owner: owner)
    try RealmFile.write(settingsText, to: layout.settings, mode: 0o644, owner: .current)
  }

  /// Writes what the KDC and kadmind go by, `kdc.conf` and `kadm5.acl`, and nothing else.
  func writeRules(owner: UnixUser) throws(ProvisioningError) {
    try write(RealmTemplates.kdcProfile, to: layout.kdcProfile, 0o600, owner)
    try write(RealmTemplates.administrationList, to: layout.administrationList, 0o600, owner)
  }

  /// Where the anchors are said to be tells from where the realm was moved.
  func renewPlaces(owner: UnixUser) throws(ProvisioningError) {
    let client = try RealmFile.readTrusted(layout.clientConfiguration)
    guard let former = Self.directory(in: client), former != layout.directory else { return }
    // The daemons' first: whether it has been done is read from the other.
    try write(RealmTemplates.serverConfiguration, to: layout.serverConfiguration, 0o600, owner)
    let renewed = client.replacing("\(former)/", with: "\(layout.directory)/")
    try RealmFile.write(renewed, to: layout.clientConfiguration, mode: 0o644, owner: .current)
  }

  private static func directory(in configuration: String) -> String? {
    let (key, name) = ("pkinit_anchors = FILE:", "/election-ca.pem")
    for line in configuration.split(separator: "\n") {
      let words = line.drop { $0 == " " }
      if words.hasPrefix(key), words.hasSuffix(name) {
        return String(words.dropFirst(key.count).dropLast(name.count))
      }
    }
    return nil
  }

  private func write(
    _ template: String, to path: String, _ mode: UInt32, _ owner: UnixUser
  ) throws(ProvisioningError) {
    guard let text = RealmTemplates.render(template, values) else {
      throw ProvisioningError(.input, "The template of \(path) has a place that nothing fills.")
    }
    try RealmFile.write(text, to: path, mode: mode, owner: owner)
  }

  private var settingsText: String {
    """
    # Written when the realm was made; read by the programs that start or change it.
    realm = \(settings.realm)
    host = \(settings.host)
    kdc = \(ports.kdc)
    kadmind = \(ports.kadmind)
    kpasswd = \(ports.kpasswd)
    fixedPorts = \(settings.ports != nil)
    authority = \(settings.authority)
    clockSkew = \(settings.clockSkew)

    """
  }

  /// Reads `realm.conf`.
  static func read(_ layout: RealmLayout) throws(ProvisioningError) -> RealmConfiguration {
    let text = try RealmFile.readTrusted(layout.settings)
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let pair = line.split(separator: "=", maxSplits: 1).map { part in
        String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      }
      if pair.count == 2 { values[pair[0]] = pair[1] }
    }
    guard let realm = values["realm"], let host = values["host"], let authority = values["authority"],
      let skew = values["clockSkew"].flatMap({ Int($0) }), let kdc = values["kdc"].flatMap({ UInt16($0) }),
      let kadmind = values["kadmind"].flatMap({ UInt16($0) }),
      let kpasswd = values["kpasswd"].flatMap({ UInt16($0) })
    else { throw ProvisioningError(.input, "\(layout.settings) is not what was written there.") }
    let ports = RealmPorts(kdc: kdc, kadmind: kadmind, kpasswd: kpasswd)
    let settings = RealmSettings(
      realm: realm, host: host, ports: values["fixedPorts"] == "true" ? ports : nil, authority: authority,
      clockSkew: skew)
    try settings.validate()
    return RealmConfiguration(settings: settings, ports: ports, layout: layout)
  }
}
