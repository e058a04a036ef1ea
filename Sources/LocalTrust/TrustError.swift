import CLocalTrust
import Glibc

/// Why a path is not to be trusted, or leads nowhere. Always about this machine's files: nobody's secret is in it.
public struct TrustError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Fault: Hashable, Sendable {
    /// The system's error number.
    case unreachable(Int32)
    case noPlainFile
    case noDirectory
    /// A user who is neither root nor, as a rule, this process's.
    case foreignOwner(UInt32)
    /// Group or others may write to it.
    case writable(mode: UInt32)
    /// Group or others may read it, or enter it.
    case readable(mode: UInt32)
    /// A secret file is named itself, never by a link.
    case link
    /// It has a second name, in a folder where everybody may give one.
    case secondName
    case tooManyLinks
    case tooLarge(limit: Int)
  }

  /// What was asked for.
  public let path: String
  /// Where the walk to it ended: `path` itself, or a folder or link on the way.
  public let step: String
  public let isFolder: Bool
  public let fault: Fault

  init(path: String, step: String, isFolder: Bool = false, _ fault: Fault) {
    self.path = path
    self.step = step
    self.isFolder = isFolder
    self.fault = fault
  }

  public var description: String { "\(path) \(problem). \(remedy)" }

  private var isOnTheWay: Bool { step != path }

  /// A sentence without its subject, which is `path`.
  public var problem: String {
    guard isOnTheWay else { return verdict }
    switch fault {
    case .unreachable, .tooManyLinks, .noPlainFile, .tooLarge, .link, .secondName:
      return "\(verdict) (\(step))"
    default: return "is found by way of \(step), which \(verdict)"
    }
  }

  private var verdict: String {
    switch fault {
    case .unreachable(let code): "cannot be read: \(String(cString: strerror(code)))"
    case .noPlainFile: "is no plain file"
    case .noDirectory: "is no directory"
    case .foreignOwner(let user):
      "belongs to user \(user)\(decides ? ", who decides what is found there" : ""); this process is user \(geteuid())"
    case .writable(let mode):
      "can be written by others (mode \(String(mode, radix: 8)))\(decides ? ", who decide what is found there" : "")"
    case .readable(let mode):
      "can be \(isFolder ? "entered" : "read") by others (mode \(String(mode, radix: 8)))"
    case .link: "is no plain file but a link"
    case .secondName: "has a second name, which anybody may have given it"
    case .tooManyLinks: "is found by more than \(Walk.maximumLinks) links"
    case .tooLarge(let limit): "is larger than \(limit) bytes"
    }
  }

  /// Whether it is something below, rather than itself, that is in somebody's hands.
  private var decides: Bool { isFolder || isOnTheWay }

  /// What to do about it, as one sentence or two.
  public var remedy: String {
    switch fault {
    case .unreachable: "Name one that is there and that this user may read."
    case .noPlainFile: "Name the file itself."
    case .link: "Name the file itself, not a link."
    case .noDirectory: "Name a directory."
    case .tooManyLinks: "Name the file itself, not a link."
    case .secondName: "Move it into a folder that only you or root may write to."
    case .tooLarge: "Name the file that is meant."
    case .foreignOwner(let user):
      "Choose one on whose way everything belongs to root or to user \(geteuid()); or run as user \(user)"
        + (geteuid() == 0 ? " (setpriv --reuid=\(user) --regid=\(user) --clear-groups COMMAND)" : "")
        + "; or, if you know what is in it, type: chown \(geteuid()) \(step)"
    // Everybody's, as /tmp is, and to stay so.
    case .writable(let mode) where isFolder && mode & keyval_sticky != 0:
      "Name a directory of your own in it."
    case .writable: "Look through it, then type: chmod go-w \(step)"
    case .readable:
      isFolder
        ? "Type: chmod 700 \(step)"
        : "Type: chmod 600 \(step); if others may have read it, make a new key or password too."
    }
  }
}
