import Glibc

/// The shell on a terminal: reads a line, runs it, until `exit` or the end of input.
struct InteractiveShell<Destination: Output> {
  let interpreter: Interpreter<Destination>
  let history: HistoryFile?

  /// The status of the last command, as with other shells.
  func run() async -> CommandStatus {
    let editor = LineEditor.shared
    var history = history
    do {
      for line in try history?.load() ?? [] { editor.remember(line) }
    } catch {
      interpreter.output.write(remark: error.description)
      history = nil
    }
    interpreter.output.write(remark: "Type help for the commands, exit or Ctrl-D to leave.")
    var status = CommandStatus.done
    while let line = await editor.readLine(prompt: "keyval> ") {
      guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
      if line.first != 0x20 { editor.remember(line) }
      do {
        try history?.append(line)
      } catch {
        interpreter.output.write(remark: error.description)
        history = nil
      }
      do {
        guard let command = try CommandParser.parse(line) else { continue }
        if command == .exit { return status }
        status = await interpreter.execute(command)
      } catch {
        interpreter.output.write(remark: error.description)
        status = .usage
      }
    }
    interpreter.output.write(remark: "")
    return status
  }
}
