import Glibc

/// Room for an input, up against a page that nobody may read. Pointers into it are not checked in a build with
/// optimisation, so this is what finds a read beyond the end.
struct FencedMemory: @unchecked Sendable {
  private let fence: UnsafeMutableRawPointer
  private let room: Int

  init(room: Int) {
    let page = Int(getpagesize())
    self.room = (room + page - 1) / page * page
    let start = mmap(nil, self.room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED else { fatalError("no memory for inputs") }
    fence = start + self.room
    guard mprotect(fence, page, PROT_NONE) == 0 else { fatalError("no fence behind inputs") }
  }

  /// The bytes, ending at the fence, until the next ones come.
  func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    precondition(bytes.count <= room, "an input that is too long")
    let start = fence - bytes.count
    if let source = bytes.baseAddress { start.copyMemory(from: source, byteCount: bytes.count) }
    return UnsafeRawBufferPointer(start: start, count: bytes.count)
  }
}
