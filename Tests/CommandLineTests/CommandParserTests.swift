import Testing
import Wire

@testable import keyval

@Suite("The language of the shell")
struct CommandParserTests {
  private func words(_ line: String) throws -> [[UInt8]] {
    try WordSplitter.split(Array(line.utf8)).map(\.bytes)
  }
  private func texts(_ line: String) throws -> [String] {
    try WordSplitter.split(Array(line.utf8)).map(\.text)
  }

  @Test("blanks separate words and a comment ends the line")
  func blanks() throws {
    #expect(try texts("  put\tgreeting  hello \r") == ["put", "greeting", "hello"])
    #expect(try texts("get a # and nothing else") == ["get", "a"])
    #expect(try texts("get a#b") == ["get", "a#b"])
    #expect(try texts("").isEmpty)
    #expect(try texts("   # only a comment").isEmpty)
  }

  @Test("quotes join, and single quotes take everything literally")
  func quotes() throws {
    #expect(try texts(#"put 'two words' "and \"two\" more""#) == ["put", "two words", #"and "two" more"#])
    #expect(try texts(#"a'b'"c"d"#) == ["abcd"])
    #expect(try texts(#"'\n$x'"#) == [#"\n$x"#])
    #expect(try texts("put k ''") == ["put", "k", ""])
    #expect(try texts(##"a\ b \#c \'"##) == ["a b", "#c", "'"])
  }

  @Test("double quotes write every byte")
  func escapes() throws {
    #expect(try words(##""\x00\xff\0\n\r\t\\\$\`""##) == [[0, 255, 0, 10, 13, 9, 92, 36, 96]])
    let every = (0...255).map { "\\x" + (($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
    #expect(try words("\"\(every)\"") == [Array(0...255)])
  }

  @Test("bytes that are no text stay as they are")
  func bytesThatAreNoText() throws {
    #expect(try WordSplitter.split([0x61, 0xFF, 0x20, 0xC3]).map(\.bytes) == [[0x61, 0xFF], [0xC3]])
  }

  @Test(
    "a line that cannot be split names the column",
    arguments: [
      ("put k 'open", 7), ("put k \"open", 7), ("put k \\", 7), (#"put "a\q" v"#, 7), (#"put "é\x0g""#, 7),
      (#"put k "\x1"#, 8), (#"put k "\"#, 8),
    ])
  func splitErrors(line: String, column: Int) {
    #expect {
      try WordSplitter.split(Array(line.utf8))
    } throws: {
      ($0 as? CommandSyntaxError)?.column == column
    }
  }

  @Test("each command is understood")
  func commands() throws {
    func parse(_ line: String) throws -> Command? { try CommandParser.parse(Array(line.utf8)) }
    #expect(try parse("put a b") == .put(key: [97], value: [98]))
    #expect(try parse("put a ''") == .put(key: [97], value: []))
    #expect(try parse("put a '-'") == .put(key: [97], value: [45]))
    #expect(try parse("get -") == .get(key: [45]))
    #expect(try parse("del a") == .delete(key: [97]))
    #expect(try parse("locate a") == .locate(key: [97]))
    #expect(try parse("status") == .status(asJSON: false))
    #expect(try parse("status --json") == .status(asJSON: true))
    #expect(try parse("hello 127.0.0.1:6234") == .hello(address: "127.0.0.1:6234"))
    #expect(try parse("help") == .help(nil))
    #expect(try parse("help put") == .help(.put))
    #expect(try parse("exit") == .exit)
    #expect(try parse("quit") == .exit)
    #expect(try parse("  ") == nil)
  }

  @Test(
    "a line that is no command says where and why",
    arguments: [
      ("frobnicate x", "column 1: there is no command ‘frobnicate’; type help for the list"),
      ("put a", "column 1: usage: put KEY VALUE"), ("put a b c", "column 9: usage: put KEY VALUE"),
      ("get", "column 1: usage: get KEY"), ("status --xml", "column 8: usage: status [--json]"),
      ("help frob", "column 6: there is no command ‘frob’; type help for the list"),
      ("get ''", "column 5: a key has at least one byte"),
      (
        "put a -",
        "column 7: here commands come one a line, so - cannot read a value; write '-' for the value -"
      ),
    ])
  func commandErrors(line: String, sentence: String) {
    #expect {
      try CommandParser.parse(Array(line.utf8))
    } throws: {
      "\($0)" == sentence
    }
  }

  @Test("keys and values have limits")
  func limits() throws {
    let longest = [UInt8](repeating: 107, count: Limits.maximumKeyLength)
    #expect(try CommandParser.parse(Array("get ".utf8) + longest) == .get(key: longest))
    #expect(throws: CommandSyntaxError.self) { try CommandParser.parse(Array("get ".utf8) + longest + [107]) }
    let value = [UInt8](repeating: 118, count: Limits.maximumValueLength)
    #expect(try CommandParser.parse(Array("put k ".utf8) + value) == .put(key: [107], value: value))
    #expect(throws: CommandSyntaxError.self) { try CommandParser.parse(Array("put k ".utf8) + value + [118]) }
  }
}
