import Glibc
import Provisioning
import Synchronization

/// A shell that sees to it that nothing of a fixture survives the test process, however that ends: it waits for
/// the end of a pipe that only the test process holds, then ends the daemons and removes the directory.
final class Watcher: Sendable {
  private let slot: Slots.Slot
  private let pipe: Mutex<Int32>
  private let shell: ChildProcess

  private static let script = """
    # Lines: “watch PID PID” names the daemons, “dismiss” says that they have ended already, “sweep” that whatever
    # else runs with this realm's configuration is to be ended too: the nodes of a cluster, stopped ones as well.
    while read -r word rest; do
      case $word in
        watch) daemons=$rest ;;
        sweep) sweep=yes ;;
        dismiss) daemons= ;;
      esac
    done
    [ -z "$daemons" ] || kill $daemons 2>/dev/null
    while [ -n "$sweep" ]; do
      # A node shows its environment to root only; its configuration's path, to everybody. (“[n]” finds no grep.)
      found=$({ grep -alsF -- "KRB5_CONFIG=$1/" /proc/[0-9]*/environ
        grep -als -- "$1/.*/[n]odes/" /proc/[0-9]*/cmdline; } | cut -d/ -f3 | sort -u)
      [ -n "$found" ] || break
      kill -9 $found 2>/dev/null
      sleep 0.01
    done
    cd / && rm -rf -- "$1" "$2"
    rmdir -- "$(dirname -- "$1")" 2>/dev/null || :
    """

  init(_ slot: Slots.Slot) throws {
    self.slot = slot
    // A named pipe opens with close-on-exec at once; pipe(2) would leak into children of other threads.
    let name = "\(slot.directory)/watch"
    guard mkfifo(name, 0o600) == 0 else { throw FixtureError("\(name) cannot be made.") }
    let reader = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    let writer = open(name, O_WRONLY | O_CLOEXEC)
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer {
      close(reader)
      close(null)
    }
    guard reader >= 0, writer >= 0, null >= 0 else { throw FixtureError("\(name) cannot be opened.") }
    _ = fcntl(reader, F_SETFL, 0)  // the shell shall wait
    pipe = Mutex(writer)
    shell = try ChildProcess.spawn(
      ["/bin/sh", "-c", Self.script, "watcher", slot.directory, slot.configuration],
      environment: ["PATH": "/usr/bin:/bin"], user: .current, input: reader, output: null)
  }

  func look(after daemons: RealmDaemons) throws { say("watch \(daemons.kdc.pid) \(daemons.kadmind.pid)\n") }

  func lookAfterAll() { say("sweep\n") }

  /// Without a word before, the shell ends the daemons too.
  deinit { end(saying: "") }

  /// Has the directory removed, and waits for it; the daemons have ended already.
  func dismiss() { end(saying: "dismiss\n") }

  private func end(saying line: String) {
    let writer = pipe.withLock { pipe in
      defer { pipe = -1 }
      return pipe
    }
    guard writer >= 0 else { return }
    _ = line.withCString { write(writer, $0, strlen($0)) }
    close(writer)
    _ = shell.wait()
    Slots.giveBack(slot)
  }

  private func say(_ line: String) {
    pipe.withLock { pipe in
      guard pipe >= 0 else { return }
      _ = line.withCString { write(pipe, $0, strlen($0)) }
    }
  }
}
