// Runs a hot path so many times: hotpaths NAME REQUESTS. A program of its own, without Foundation and without threads,
// so that valgrind can run it.
import Glibc

let arguments = CommandLine.arguments
guard arguments.count == 3, let path = HotPath(rawValue: arguments[1]), let requests = Int(arguments[2])
else {
  print(HotPath.allCases.map(\.rawValue).joined(separator: "\n"))
  exit(arguments.count == 1 ? 0 : 64)
}
path.run(requests)
