import CKerberos
import Glibc

/// Runs a program to its end, with what it reads and what it says in memory: passwords go in by standard input
/// and never stand on a command line, where everybody could read them.
package enum ProgramRun {
  package struct Outcome: Sendable {
    package var status: Int32
    package var output: String
  }

  package static func run(
    _ words: [String], environment: [String: String], user: UnixUser, input: String = ""
  ) throws(ProvisioningError) -> Outcome {
    let inputFile = keyval_memory_file("input")
    let outputFile = keyval_memory_file("output")
    defer {
      close(inputFile)
      close(outputFile)
    }
    guard inputFile >= 0, outputFile >= 0 else { throw .system("No memory for a program's input", errno) }
    try RealmFile.writeAll(Array(input.utf8), to: inputFile, "a program's input")
    lseek(inputFile, 0, SEEK_SET)
    let child = try ChildProcess.spawn(
      words, environment: environment, user: user, input: inputFile, output: outputFile)
    let status = child.wait()
    lseek(outputFile, 0, SEEK_SET)
    return Outcome(status: status, output: try RealmFile.read(outputFile, "a program's output"))
  }
}
