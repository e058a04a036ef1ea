// Runs a hot path so many times: hotpaths NAME REQUESTS. Or has tables grow by so many entries, and writes the nanoseconds
// of processor time that the slowest put took: hotpaths growth ENTRIES. A program of its own, without Foundation and
// without threads, so that valgrind can run it.
import Glibc

let arguments = CommandLine.arguments
guard arguments.count == 3, let count = Int(arguments[2]), count > 0 else {
  // Those whose instructions are counted.
  print(HotPath.allCases.map(\.rawValue).joined(separator: "\n"))
  exit(arguments.count == 1 ? 0 : 64)
}
if let path = HotPath(rawValue: arguments[1]) {
  path.run(count)
} else if arguments[1] == "growth" {
  var pair = Pair(hasShadow: false)
  // Not by the wall: a machine that is busy with something else is no pause of the table's.
  let longest = pair.grow(by: count) {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
  print(longest)
} else {
  exit(64)
}
