// What peers send and files hold, but for what only a node reads (`keyval-fuzz-node`).
import FuzzHarness

try Program(
  HandshakeDecoders.all + MessageDecoders.all + CertificateDecoders.all + TextDecoders.all + StoreDecoders.all
    + [.planted]
).run()
