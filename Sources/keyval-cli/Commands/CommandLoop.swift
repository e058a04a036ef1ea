/// Many commands, one a line: from a person at a terminal, or from standard input.
enum CommandLoop {
  static func run(on backend: any Backend) async -> CommandStatus {
    let interpreter = Interpreter(backend: backend, output: StandardOutput(), endsValuesWithNewline: true)
    if StandardInput.isTerminal {
      let environment = ProcessEnvironment.all
      return await InteractiveShell(
        interpreter: interpreter, history: HistoryFile(environment: environment)
      ).run()
    }
    do {
      return try await CommandScript(interpreter: interpreter).run(lines: StandardInput.lines)
    } catch {
      interpreter.output.write(remark: "\(error)")
      return .inputOutput
    }
  }
}
