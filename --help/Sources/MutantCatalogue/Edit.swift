/// Where and how a mutant changes one file. The text that stands there must occur in that file exactly once.
public struct Edit: Sendable {
  /// Under Sources.
  public let file: String
  /// The text as it stands, of whole lines or of an expression; lines are written without their common indentation.
  public let original: String
  public let change: Change

  public enum Change: Sendable, Equatable {
    /// In place of these statements, while the mutant is on; or of the expression that is the whole body of something.
    case instead(String)
    /// In front of these lines, while the mutant is on: where they declare what comes after them needs.
    case before(String)
    /// In place of this expression, which stands in the text once, while the mutant is on. Both are on one line.
    case expression(String, String)
    /// Declarations in front of these lines: what a mutant keeps. They are there whether it is on or not.
    case declarations(String)
  }

  /// Runs `text` in place of the statements `lines`.
  public static func instead(of lines: String, _ text: String, in file: String) -> Edit {
    Edit(file: file, original: lines, change: .instead(text))
  }

  /// Runs `text` and then, unless it has left, the statements `lines`.
  public static func before(_ lines: String, _ text: String, in file: String) -> Edit {
    Edit(file: file, original: lines, change: .before(text))
  }

  /// Evaluates `text` in place of an expression.
  /// - Parameter whole: what the expression is a part of, where it stands in the file more than once.
  public static func expression(
    _ expression: String, of whole: String? = nil, is text: String, in file: String
  ) -> Edit {
    Edit(file: file, original: whole ?? expression, change: .expression(expression, text))
  }

  /// Declares something in front of `lines`.
  public static func declarations(_ text: String, before lines: String, in file: String) -> Edit {
    Edit(file: file, original: lines, change: .declarations(text))
  }
}
