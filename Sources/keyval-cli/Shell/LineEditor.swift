import CEditLine
import Dispatch
import Glibc

/// Reads lines from a terminal through libedit: editing, history, completion.
///
/// libedit keeps one state for the whole process, so there is one editor, and all calls run on its queue.
final class LineEditor: Sendable {
  static let shared = LineEditor()
  private let queue = DispatchQueue(label: "keyval.line-editor")

  private init() {
    queue.sync {
      // Without a locale, libedit takes the bytes of a Unicode character for separate ones.
      if setlocale(LC_CTYPE, "") == nil || mblenMaximum() == 1 { setlocale(LC_CTYPE, "C.UTF-8") }
      // libedit keeps the pointer, so this one copy stays for the life of the process.
      keyval_editline_prepare(strdup("keyval")) { text, start, end in completeWord(text, start, end) }
    }
  }

  /// Nil at the end of input (Ctrl-D).
  func readLine(prompt: String) async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      queue.async {
        guard let line = readline(prompt) else { return continuation.resume(returning: nil) }
        defer { free(line) }
        let bytes = UnsafeBufferPointer(start: line, count: strlen(line)).map(UInt8.init(bitPattern:))
        continuation.resume(returning: bytes)
      }
    }
  }

  /// Offers the line again on the arrow keys, in this process only.
  func remember(_ line: [UInt8]) {
    queue.sync {
      let text = line.map(CChar.init(bitPattern:)) + [0]
      _ = add_history(text)
    }
  }
}

/// How many bytes a character takes at most in the current locale: 1 where only ASCII is known.
private func mblenMaximum() -> Int { Int(__ctype_get_mb_cur_max()) }

/// libedit's callback, on the editor's queue. The answer is malloc's: the common prefix, the candidates, a null.
private func completeWord(
  _ text: UnsafePointer<CChar>?, _ start: Int32, _ end: Int32
) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
  keyval_editline_completion_is_final(CChar(bitPattern: UInt8(ascii: " ")))
  guard let text, let buffer = keyval_editline_buffer() else { return nil }
  let before = UnsafeBufferPointer(start: buffer, count: min(Int(start), strlen(buffer)))
  let candidates = Completion.candidates(
    before: String(decoding: before.map(UInt8.init(bitPattern:)), as: UTF8.self),
    word: String(cString: text))
  guard !candidates.isEmpty else { return nil }
  let strings = [Completion.commonPrefix(candidates)] + candidates
  let size = (strings.count + 1) * MemoryLayout<UnsafeMutablePointer<CChar>?>.stride
  guard let memory = malloc(size) else { return nil }
  let matches = memory.bindMemory(to: UnsafeMutablePointer<CChar>?.self, capacity: strings.count + 1)
  for (index, string) in strings.enumerated() { matches[index] = strdup(string) }
  matches[strings.count] = nil
  return matches
}
