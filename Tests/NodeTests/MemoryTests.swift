import Foundation
import Testing

@testable import Node

@Suite("The memory of the machine and of the process") struct MachineMemoryTests {
  /// Folders that look like a machine's.
  private final class Machine {
    let root = FileManager.default.temporaryDirectory.appending(path: "keyval-\(UUID().uuidString)").path
    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(_ path: String, _ text: String) throws {
      let file = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
  }

  @Test("it is the machine's, unless a cgroup that the process is in has less, however far up")
  func limits() throws {
    let machine = Machine()
    #expect(MachineMemory.limit(root: machine.root) == 1 << 30, "nothing can be found out")
    try machine.write("/proc/meminfo", "MemFree: 1 kB\nMemTotal:       8000000 kB\n")
    #expect(MachineMemory.limit(root: machine.root) == 8_192_000_000)
    try machine.write("/proc/self/cgroup", "0::/system.slice/keyval.service\n")
    try machine.write("/sys/fs/cgroup/system.slice/keyval.service/memory.max", "max\n")
    #expect(MachineMemory.limit(root: machine.root) == 8_192_000_000)
    try machine.write("/sys/fs/cgroup/system.slice/memory.max", "2000000000\n")
    #expect(MachineMemory.limit(root: machine.root) == 2_000_000_000)
    try machine.write("/sys/fs/cgroup/memory.max", "1000000000\n")
    #expect(MachineMemory.limit(root: machine.root) == 1_000_000_000, "as in a container")
  }

  @Test("the older kind of cgroup counts as well")
  func older() throws {
    let machine = Machine()
    try machine.write("/proc/meminfo", "MemTotal:       8000000 kB\n")
    try machine.write("/proc/self/cgroup", "5:devices:/a\n4:cpu,memory:/a/b\n1:cpu:/\n")
    try machine.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    #expect(MachineMemory.limit(root: machine.root) == 8_192_000_000)
    try machine.write("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "3000000000\n")
    #expect(MachineMemory.limit(root: machine.root) == 3_000_000_000)
  }

  private static let unit = ResidentWatch.least

  @Test("what the process has beyond what is counted is noticed as it grows, and shrinks with the count")
  func missing() {
    var watch = ResidentWatch(base: 1_000)
    #expect(watch.missing(resident: 900_000, counted: 10) == 0, "so little tells nothing")
    #expect(watch.missing(resident: Self.unit + 1_000, counted: Self.unit) == 0)
    let grown = watch.missing(resident: 3 * Self.unit + 1_000, counted: 2 * Self.unit)
    #expect(grown == Self.unit)
    // Much is deleted; the process keeps what it had.
    #expect(watch.missing(resident: 3 * Self.unit, counted: Self.unit) == Self.unit / 2)
    #expect(watch.missing(resident: 3 * Self.unit, counted: 0) == 0)
  }

  @Test("what is counted too high is left as it is")
  func high() {
    var watch = ResidentWatch(base: 0)
    #expect(watch.missing(resident: Self.unit / 2, counted: Self.unit) == 0)
  }

  @Test("each loop is told what the others hold")
  func shares() {
    let memory = DroneMemory()
    #expect(memory.share(100, before: 0) == 0)
    #expect(memory.share(30, before: 0) == 100)
    #expect(memory.share(50, before: 100) == 30)
    #expect(memory.share(30, before: 30) == 50)
  }
}
