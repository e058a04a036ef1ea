/// Runs the commands of an input that is no terminal, one a line, to its end: a command that fails is
/// told with its line number, and the others run all the same.
struct CommandScript<Destination: Output> {
  let interpreter: Interpreter<Destination>

  /// `done` only if every command succeeded, else the status of the first that did not.
  func run(lines: some AsyncSequence<[UInt8], any Error>) async throws -> CommandStatus {
    var status = CommandStatus.done
    var number = 0
    for try await line in lines {
      number += 1
      let outcome: CommandStatus
      do {
        let command = try CommandParser.parse(line)
        if command == .exit { break }
        guard let command else { continue }
        var interpreter = interpreter
        interpreter.remarkPrefix = "line \(number): "
        outcome = await interpreter.execute(command)
      } catch {
        interpreter.output.write(remark: "line \(number), \(error)")
        outcome = .usage
      }
      if status == .done { status = outcome }
    }
    return status
  }
}
