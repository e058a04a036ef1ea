import Wire

/// Makes a command of a line of the shell or of the demo's standard input.
enum CommandParser {
  /// Nil for a line that is blank or only a comment. Throws `CommandSyntaxError` with the column at fault.
  static func parse(_ line: [UInt8]) throws(CommandSyntaxError) -> Command? {
    let words = try WordSplitter.split(line)
    guard let name = words.first else { return nil }
    guard let verb = verb(named: name.text) else {
      throw CommandSyntaxError(
        column: name.column, sentence: "there is no command ‘\(name.text.prefix(40))’; type help for the list"
      )
    }
    return try command(verb, Array(words.dropFirst()), name)
  }

  /// Also the names that people try out of habit.
  private static func verb(named name: String) -> Verb? {
    name == "quit" ? .exit : Verb(rawValue: name)
  }

  private static func command(
    _ verb: Verb, _ arguments: [Word], _ name: Word
  ) throws(CommandSyntaxError) -> Command {
    switch verb {
    case .put:
      try expect(2, of: verb, arguments, name)
      return .put(key: try key(arguments[0]), value: try value(arguments[1]))
    case .get:
      try expect(1, of: verb, arguments, name)
      return .get(key: try key(arguments[0]))
    case .del:
      try expect(1, of: verb, arguments, name)
      return .delete(key: try key(arguments[0]))
    case .locate:
      try expect(1, of: verb, arguments, name)
      return .locate(key: try key(arguments[0]))
    case .status:
      if let option = arguments.first {
        try expect(1, of: verb, arguments, name)
        guard option.text == "--json" else { throw usage(verb, at: option) }
      }
      return .status(asJSON: !arguments.isEmpty)
    case .hello:
      try expect(1, of: verb, arguments, name)
      return .hello(address: arguments[0].text)
    case .help:
      guard let topic = arguments.first else { return .help(nil) }
      try expect(1, of: verb, arguments, name)
      guard let verb = Self.verb(named: topic.text) else {
        throw CommandSyntaxError(
          column: topic.column,
          sentence: "there is no command ‘\(topic.text.prefix(40))’; type help for the list")
      }
      return .help(verb)
    case .exit:
      try expect(0, of: verb, arguments, name)
      return .exit
    }
  }

  private static func expect(
    _ count: Int, of verb: Verb, _ arguments: [Word], _ name: Word
  ) throws(CommandSyntaxError) {
    if arguments.count != count { throw usage(verb, at: arguments.count > count ? arguments[count] : name) }
  }

  private static func usage(_ verb: Verb, at word: Word) -> CommandSyntaxError {
    CommandSyntaxError(column: word.column, sentence: "usage: \(verb.usage)")
  }

  private static func key(_ word: Word) throws(CommandSyntaxError) -> [UInt8] {
    if let sentence = CommandLimits.complaint(aboutKey: word.bytes) {
      throw CommandSyntaxError(column: word.column, sentence: sentence)
    }
    return word.bytes
  }

  private static func value(_ word: Word) throws(CommandSyntaxError) -> [UInt8] {
    guard word.bytes != [UInt8(ascii: "-")] || word.isQuoted else {
      throw CommandSyntaxError(
        column: word.column,
        sentence: "here commands come one a line, so - cannot read a value; write '-' for the value -")
    }
    if let sentence = CommandLimits.complaint(aboutValueOf: word.bytes.count) {
      throw CommandSyntaxError(column: word.column, sentence: sentence)
    }
    return word.bytes
  }
}
