/// Computed with Python's hmac and hashlib from the protocol's text, not with this package.
enum Vectors {
  static let transcript =
    "e3afdbc23071ec908bec0298a1def8a15f68ad844e12dc0b86877794ce078019"
    + "f2d73784a8d05ff0d811db7e9f3536e8"
  static let initiatorFinishedKey =
    "8c9ebedb395f58f3d79275d07d3369b7ba8741413b72254749f418222a9be69e"
    + "32858c27e48bcf93c686e75f018ea6eb"
  static let acceptorFinishedKey =
    "612886a336cefd08b979adf246044b6b9f51773d53e2f5b6f3ec2de5be0b2a98"
    + "47cc7d4f6e664c3c0194509b90dfbaab"
  static let initiatorKey =
    "d806b3ac4619e856d42675bc911b831c04f5fa9f8d41ea305b81b01d5e7a9a1f"
  static let acceptorIV =
    "622e64e40192cedba023b43e"
  static let nextAcceptorKey =
    "45ced410fc1bb2dcc4bdc4f1c575dce9cebc21f0764d9ffeb3258d4b0e97642f"
  static let acceptorFinished =
    "27e0cf1e5f623bab99e0070d76febdcb0f2bdb75a34f7bd639ee56e279db9eda"
    + "e441ad8fe373c5fb2fa30a1cf4f8c475"
}
