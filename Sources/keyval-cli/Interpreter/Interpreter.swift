/// Carries out commands, one at a time: results to the output, everything else as remarks.
struct Interpreter<Destination: Output> {
  let backend: any Backend
  let output: Destination
  /// Whether a value is followed by a newline: in the shell and on a terminal, where the next thing is a line
  /// of its own. Elsewhere a value comes back byte for byte.
  let endsValuesWithNewline: Bool
  /// Put before every remark, such as `keyval: ` or `line 3: `.
  var remarkPrefix = ""

  /// Never throws: what went wrong has been said, and the status tells the caller.
  func execute(_ command: Command) async -> CommandStatus {
    do {
      return try await perform(command)
    } catch {
      let failure = Failure(error)
      output.write(remark: remarkPrefix + failure.sentence)
      return failure.status
    }
  }

  private func perform(_ command: Command) async throws -> CommandStatus {
    switch command {
    case .put(let key, let value):
      try await backend.put(value, at: key)
    case .get(let key):
      guard var value = try await backend.get(key) else { return notFound() }
      if endsValuesWithNewline { value.append(0x0A) }
      try output.write(result: value)
    case .delete(let key):
      switch try await backend.delete(key) {
      case true?: break
      case false?: return notFound()
      case nil:
        output.write(
          remark: remarkPrefix
            + "deleted; you have no right to get this key, so you are not told whether it was there")
      }
    case .locate(let key):
      try write(try await backend.locate(key).text)
    case .status(let asJSON):
      let report = try await backend.status()
      try write(asJSON ? report.json : report.text)
    case .hello(let address):
      try write(try await backend.hello(address).text)
    case .help(nil):
      try write(Verb.overview)
    case .help(let verb?):
      try write("\(verb.usage)\n  \(verb.summary)\n")
    case .exit:
      break
    }
    return .done
  }

  private func write(_ text: String) throws { try output.write(result: Array(text.utf8)) }

  private func notFound() -> CommandStatus {
    output.write(remark: remarkPrefix + "not found")
    return .notFound
  }
}
