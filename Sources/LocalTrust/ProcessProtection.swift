import CLocalTrust
import Glibc

/// What a process that holds keys does at its start, before it reads any: no core file is written of it, and nobody
/// but root attaches to it or reads its memory, its environment or its descriptors under `/proc`, not even a process
/// of the same user. Nor does a crash print what is in the registers and where they point to, as the Swift runtime would
/// into a node's log.
///
/// A program that it starts is dumpable again, as the kernel makes every new program; only the limit of zero for core
/// files is handed down.
public enum ProcessProtection {
  /// - Returns: a sentence for everything that the system refused; none as a rule.
  @discardableResult
  public static func begin() -> [String] {
    var refusals: [String] = []
    // The runtime's own handlers, where its crash reporter is installed: it may not read this process any more, and says
    // what it finds all the same. (And a process that is sent one of these signals would go on.)
    for crash in crashes { signal(crash, SIG_DFL) }
    if keyval_forbid_dumps() != 0 {
      refusals.append(
        "other processes of this user may read its memory (prctl: \(String(cString: strerror(errno))))")
    }
    if keyval_forbid_core_files() != 0 {
      refusals.append("a core file may be written of it (setrlimit: \(String(cString: strerror(errno))))")
    }
    return refusals
  }

  private static let crashes = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

  /// Whether `begin` has worked.
  public static var isInForce: Bool { keyval_may_be_dumped() == 0 }
}
