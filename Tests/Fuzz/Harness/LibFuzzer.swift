#if KEYVAL_FUZZ
  import CFuzzer
  import Glibc

  /// libFuzzer with one decoder.
  enum LibFuzzer {
    // What libFuzzer calls takes no context.
    private nonisolated(unsafe) static var decoder = Decoder.planted
    private nonisolated(unsafe) static var place = FencedMemory(room: 1)

    static func run(_ chosen: Decoder, _ arguments: some Sequence<String>) -> Int32 {
      decoder = chosen
      place = FencedMemory(room: chosen.maximumLength)
      let words = [CommandLine.arguments[0], "-max_len=\(chosen.maximumLength)"] + arguments
      var count = Int32(words.count)
      // They live as long as the process.
      let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: words.count + 1)
      for (index, word) in words.enumerated() { pointers[index] = strdup(word) }
      pointers[words.count] = nil
      var list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = pointers
      return LLVMFuzzerRunDriver(&count, &list) { bytes, count in
        LibFuzzer.decoder.run(UnsafeRawBufferPointer(start: bytes, count: count), in: LibFuzzer.place)
        return 0
      }
    }
  }
#endif
