/// What is wrong with an access list, where, and what to write instead. The fault is of who wrote the list.
public struct AccessListError: Error, Hashable, Sendable, CustomStringConvertible {
  /// From 1 on. Columns count bytes.
  public let line: Int
  public let column: Int
  public let problem: Problem

  public enum Problem: Error, Hashable, Sendable {
    case tooLong
    case tooManyLines
    case tooManyOfOnePattern(String)
    case empty
    case cutOff
    case controlCharacter(UInt8)
    case noOperations
    case tooManyWords(String)
    case noRealm(String)
    case badPattern(String)
    case partialWildcard(String)
    case unknownOperation(String)
    case repeatedOperation(String)
    case mixedOperations(String)
    case prefixOfCluster(String)
    case badEscape
    case wildcardInPrefix
    case prefixTooLong
    case limitForPrefix(String)
    case unknownLimit(String)
    case repeatedLimit(String)
    case badLimit(String, ClosedRange<Int>)
    case tooManyCountedPrefixes

    public var sentence: String {
      switch self {
      case .tooLong: "the list has more than \(AccessList.maximumLength) bytes"
      case .tooManyLines: "the list has more than \(AccessList.maximumLines) lines"
      case .tooManyOfOnePattern(let pattern):
        "this is line \(AccessList.maximumLinesOfOnePattern + 1) for \(pattern)"
      case .empty: "the list has no line that says anything, so it would permit nobody anything"
      case .cutOff: "the last line does not end with a line feed, so the file may have been cut off"
      case .controlCharacter(let byte): "there is a control character, \(hexadecimal(byte))"
      case .noOperations: "the operations are missing"
      case .tooManyWords(let word): "only limits come after the key prefix, and here is ‘\(word)’"
      case .noRealm(let text): "‘\(text)’ names no realm"
      case .badPattern(let text): "‘\(text)’ is no pattern for principals"
      case .partialWildcard(let part): "‘\(part)’: * stands for a whole component, not for a part of one"
      case .unknownOperation(let letter): "‘\(letter)’ is no operation"
      case .repeatedOperation(let letter): "‘\(letter)’ is named twice"
      case .mixedOperations(let text): "‘\(text)’: * and - stand alone"
      case .prefixOfCluster(let letters):
        "‘\(letters)’ concerns the whole cluster and no keys, and here is a prefix"
      case .badEscape: "after \\ comes one of xHH s t n r 0 \\ # *"
      case .wildcardInPrefix: "a key prefix is compared byte for byte, and here is a *"
      case .limitForPrefix(let word): "‘\(word)’ stands where the key prefix does"
      case .unknownLimit(let word): "‘\(word)’ is no limit"
      case .repeatedLimit(let word): "‘\(word)’: there is such a limit already"
      case .badLimit(let word, let range):
        "‘\(word)’ is not a whole number from \(range.lowerBound) to \(range.upperBound)"
      case .tooManyCountedPrefixes:
        "this is key prefix \(AccessList.maximumCountedPrefixes + 1) with a limit of keys or bytes"
      case .prefixTooLong: "the key prefix has more than \(AccessList.maximumPrefixLength) bytes"
      }
    }

    public var remedy: String {
      switch self {
      case .tooLong, .tooManyLines:
        "Say it with fewer lines: a pattern such as batch/*@REALM fits many principals."
      case .tooManyOfOnePattern: "Say it with fewer key prefixes, or give out more than one name."
      case .empty: "Write *@* - if that is meant."
      case .cutOff: "End it with one, or write the rest."
      case .controlCharacter(let byte):
        "In a key prefix write \\\(hexadecimal(byte).dropFirst()); elsewhere remove it."
      case .noOperations: "Write PRINCIPAL-PATTERN OPERATIONS [KEY-PREFIX], such as: bob@REALM r public/"
      case .tooManyWords: "Write a blank within a prefix as \\s, and # before a comment."
      case .noRealm: "Write it behind @; @* fits every realm."
      case .badPattern:
        "Write NAME@REALM or NAME/INSTANCE@REALM in letters, digits and . _ - $ +, or * in their place."
      case .partialWildcard: "Write * alone, or the whole component."
      case .unknownOperation: "Write some of r (get) w (put) d (delete) s (status) a (administer), or * or -."
      case .repeatedOperation: "Write it once."
      case .mixedOperations: "Write the letters, or * for all operations, or - for none."
      case .prefixOfCluster: "Give it in a line of its own, without a prefix."
      case .badEscape: "Write a backslash itself as \\\\."
      case .wildcardInPrefix:
        "Leave it out, since every key that begins so is meant; an asterisk itself is \\*."
      case .limitForPrefix(let word):
        "Write * before it for every key; keys that begin so are meant by "
          + "\\x\(String(word.utf8.first ?? 0, radix: 16)) in place of the first letter."
      case .unknownLimit, .badLimit:
        "Write requests=NUMBER, how many requests on keys a principal may make in a second at a drone; or keys=NUMBER "
          + "or bytes=NUMBER, how much may be stored under the prefix."
      case .tooManyCountedPrefixes: "Give fewer prefixes such limits; each put is compared with all of them."
      case .repeatedLimit: "Write it once."
      case .prefixTooLong: "Shorten it: no key is longer."
      }
    }

    private func hexadecimal(_ byte: UInt8) -> String {
      "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }

  public var description: String { "line \(line), column \(column): \(problem.sentence). \(problem.remedy)" }
}
