import Dispatch
import Glibc
import Synchronization

/// What all data loops of a drone hold together. Each tells what it holds, and is told what there is besides.
final class DroneMemory: Sendable {
  private let held = Atomic<Int>(0)
  /// Bytes that the process has beyond what is counted.
  private let missing = Atomic<Int>(0)
  private let quietLooks = Atomic<Int>(0)
  /// What was held at the last look.
  private let looked = Atomic<Int>(-1)
  private let watch: Mutex<ResidentWatch>

  init() { watch = Mutex(ResidentWatch(base: Self.resident)) }

  /// A loop holds more or less than it did.
  /// - Returns: what there is besides its own.
  func share(_ now: Int, before: Int) -> Int {
    let all =
      now == before
      ? held.load(ordering: .relaxed) : held.add(now - before, ordering: .relaxed).newValue
    return max(0, all - now) + missing.load(ordering: .relaxed)
  }

  /// Looks at the process; now and then.
  func look() {
    let counted = held.load(ordering: .relaxed)
    // An idle drone would only read the same again.
    guard looked.exchange(counted, ordering: .relaxed) != counted else { return rest() }
    quietLooks.store(0, ordering: .relaxed)
    let resident = Self.resident
    let bytes = watch.withLock { $0.missing(resident: resident, counted: counted) }
    missing.store(bytes, ordering: .relaxed)
  }

  /// What comes and goes with much work lies between what stays, where the allocator keeps it. Once after that work.
  private func rest() {
    guard quietLooks.add(1, ordering: .relaxed).newValue == Self.quiet else { return }
    // It may take milliseconds, and holds up only who allocates meanwhile.
    DispatchQueue.global(qos: .utility).async { FreedMemory.giveBack() }
  }

  /// Looks in a row that found the same.
  private static let quiet = 4

  /// Bytes in memory that are the process's own, and no file's.
  private static var resident: Int {
    let pages = MachineMemory.text("/proc/self/statm").split(separator: " ").compactMap { Int($0) }
    guard pages.count > 2 else { return 0 }
    return max(0, pages[1] - pages[2]) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
