import Glibc

/// Makes the `kinit` line of a sentence one that can be typed as it stands: with the name that this person has
/// on this machine, where that says something.
enum KinitLine {
  static func typable(_ sentence: String, name: String? = loginName) -> String {
    guard let name else { return sentence }
    return sentence.replacing("kinit NAME@", with: "kinit \(name)@")
  }

  /// Nil for root, who is nobody's principal.
  private static var loginName: String? {
    guard geteuid() != 0, let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else {
      return nil
    }
    return String(cString: name)
  }
}
