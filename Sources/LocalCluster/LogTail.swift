/// The end of a log, for somebody who will not find the file any more.
enum LogTail {
  static func sentence(_ path: String, lines: Int = 5) -> String {
    let text = readSmallFile(path, limit: 4 << 20) ?? ""
    let tail = text.split(separator: "\n").suffix(lines)
    guard !tail.isEmpty else { return "Its log \(path) is empty." }
    return "The end of its log \(path):\n" + tail.map { "  | \($0)" }.joined(separator: "\n")
  }
}
