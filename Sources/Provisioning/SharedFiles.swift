import Glibc
import LocalTrust

/// What all nodes of a realm on this machine believe: nobody but root and the realm's operator may be able to change it.
struct SharedFiles {
  private let layout: RealmLayout

  init(_ layout: RealmLayout) { self.layout = layout }

  private var files: [String] {
    [layout.settings, layout.clientConfiguration, layout.anchors, layout.membershipPublicKey]
  }

  /// All of them are looked at before anything starts. One that is not there is for its reader to complain of.
  func requireTrusted() throws(ProvisioningError) {
    try requireNoEarlierOwner()
    for file in files {
      do throws(TrustError) {
        try TrustedPath.check(file, .decisive)
      } catch {
        if case .unreachable = error.fault { continue }
        throw ProvisioningError(error)
      }
    }
  }

  /// Root's realms of earlier versions were the daemons' user's, all of them.
  private func requireNoEarlierOwner() throws(ProvisioningError) {
    guard geteuid() == 0, let daemons = Self.owner(layout.kdcDirectory), daemons != 0 else { return }
    let theirs = ([layout.directory] + files).filter { Self.owner($0) == daemons }
    guard !theirs.isEmpty else { return }
    throw ProvisioningError(
      .input,
      "What all nodes of the realm in \(layout.directory) believe belongs to user \(daemons), as whom its daemons run: so "
        + "earlier versions made it. Look through these files, which that user can have changed, and then type: "
        + "chown root \(theirs.joined(separator: " ")) (Or, if it is that user's own realm, run as that user: setpriv "
        + "--reuid=\(daemons) --regid=\(daemons) --clear-groups COMMAND)")
  }

  private static func owner(_ path: String) -> UInt32? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_uid : nil
  }
}

extension ProvisioningError {
  /// What is wrong with a file, or with the way to it.
  init(_ error: TrustError) {
    if case .unreachable(let code) = error.fault {
      self = .system("\(error.path) cannot be read", code)
    } else {
      self.init(.input, "\(error)")
    }
  }
}
