import Glibc
import Kerberos

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
    let inputFile = try memoryFile(input)
    let outputFile = try memoryFile("")
    let child = try ChildProcess.spawn(
      words, environment: environment, user: user, input: inputFile.descriptor, output: outputFile.descriptor)
    let status = child.wait()
    lseek(outputFile.descriptor, 0, SEEK_SET)
    let output = try RealmFile.read(outputFile.descriptor, "a program's output")
    return Outcome(status: status, output: output)
  }

  private static func memoryFile(_ text: String) throws(ProvisioningError) -> MemoryFile {
    do throws(KerberosError) {
      return try MemoryFile(text, named: "input of a program")
    } catch { throw ProvisioningError(.system, error.description) }
  }
}
