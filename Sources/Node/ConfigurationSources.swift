import Configuration
import Foundation
import LocalTrust

/// Where settings come from, the strongest first: flags, environment, file. It remembers which of them gave a
/// value, so that a complaint names the right one.
struct ConfigurationSources: Sendable {
  private struct Source: Sendable {
    let values: any ConfigSnapshot
    /// How an operator would call this source of a key.
    let name: @Sendable (_ key: String) -> String
  }

  let file: String
  private let sources: [Source]
  private let environment: [String: String]
  private let overrides: [String: String]
  private let knownKeys: Set<String>

  /// - Parameters:
  ///   - file: a JSON file.
  ///   - environment: variables `KEYVAL_…`; the key `authority.principal` is `KEYVAL_AUTHORITY_PRINCIPAL`.
  ///   - overrides: what flags say, by key.
  /// - Throws: `NodeError` when the file cannot be read, is not JSON, or it or a flag has a key that is not among `knownKeys`.
  init(
    file: String, environment: [String: String], overrides: [String: String], knownKeys: Set<String>
  ) throws(NodeError) {
    self.file = file
    // What else is in the environment is no business of ours.
    self.environment = environment.filter { $0.key.hasPrefix("KEYVAL_") }
    self.overrides = overrides
    self.knownKeys = knownKeys
    if let stranger = overrides.keys.sorted().first(where: { !knownKeys.contains($0) }) {
      throw .configuration(
        source: "the flag for \(stranger)", key: stranger, problem: "is no setting of a node",
        remedy: "Correct or remove it; there are: \(knownKeys.sorted().joined(separator: ", ")).")
    }
    let settings = try Self.read(file, knownKeys: knownKeys)
    var flags: [String: String] = [:]
    for (key, value) in overrides { flags[Self.variable(key)] = value }
    sources = [
      Source(values: Self.values(of: flags), name: { "the flag for \($0)" }),
      Source(
        values: Self.values(of: environment), name: { "the environment variable \(Self.variable($0))" }),
      Source(values: settings, name: { _ in file }),
    ]
  }

  /// The same flags and environment, and the file as it is now.
  func reread() throws(NodeError) -> ConfigurationSources {
    try ConfigurationSources(file: file, environment: environment, overrides: overrides, knownKeys: knownKeys)
  }

  private static func values(of variables: [String: String]) -> any ConfigSnapshot {
    EnvironmentVariablesProvider(environmentVariables: variables).prefixKeys(with: "keyval").snapshot()
  }

  /// The value of a key and where it is from; nil when nobody gives one.
  func string(_ key: String) throws(NodeError) -> (value: String, source: String)? {
    guard let found = try value(key, .string), case .string(let text) = found.content else { return nil }
    return (text, found.source)
  }

  func int(_ key: String) throws(NodeError) -> (value: Int, source: String)? {
    guard let found = try value(key, .int), case .int(let number) = found.content else { return nil }
    return (number, found.source)
  }

  func strings(_ key: String) throws(NodeError) -> (value: [String], source: String)? {
    guard let found = try value(key, .stringArray), case .stringArray(let texts) = found.content else {
      return nil
    }
    return (texts, found.source)
  }

  private func value(
    _ key: String, _ type: ConfigType
  ) throws(NodeError) -> (content: ConfigContent, source: String)? {
    for source in sources {
      do {
        let path = AbsoluteConfigKey(key.split(separator: ".").map(String.init))
        if let value = try source.values.value(forKey: path, type: type).value {
          return (value.content, source.name(key))
        }
      } catch {
        throw .configuration(
          source: source.name(key), key: key, problem: "is not \(Self.article(type))",
          remedy: "Write \(Self.example(type)).")
      }
    }
    return nil
  }

  static func variable(_ key: String) -> String {
    "KEYVAL_" + key.uppercased().replacing(".", with: "_").replacing("-", with: "_")
  }

  private static func article(_ type: ConfigType) -> String {
    switch type {
    case .int: "a whole number"
    case .stringArray: "a list of texts"
    default: "a text"
    }
  }

  private static func example(_ type: ConfigType) -> String {
    switch type {
    case .int: "a number without quotes, such as 250"
    case .stringArray: "[\"…\", \"…\"] in the file, or texts with commas between them in a variable or flag"
    default: "a text in quotes"
    }
  }
}

extension ConfigurationSources {
  /// Larger than any configuration, small enough to be read whole.
  private static let maximumFileLength = 1 << 20

  private static func read(_ file: String, knownKeys: Set<String>) throws(NodeError) -> JSONSnapshot {
    let data = Data(try NodeFiles.contents(of: file, key: nil, maximum: maximumFileLength))
    do {
      let object = try JSONSerialization.jsonObject(with: data)
      guard let object = object as? [String: Any] else {
        throw NodeError.configuration(
          source: file, key: nil, problem: "is JSON, but not an object",
          remedy: "Write {\"cluster\": …, \"realm\": …, …}.")
      }
      if let stranger = keys(object, under: "").sorted().first(where: { !knownKeys.contains($0) }) {
        throw NodeError.configuration(
          source: file, key: stranger, problem: "is no setting of a node",
          remedy: "Correct or remove it; there are: \(knownKeys.sorted().joined(separator: ", ")).")
      }
      return try JSONSnapshot(data: data.bytes, providerName: file, parsingOptions: .default)
    } catch let error as NodeError {
      throw error
    } catch {
      throw .configuration(
        source: file, key: nil, problem: "is not the JSON of a configuration: \(explain(error, data))",
        remedy: "Mend the file; every text needs quotes, and there is no comma before a closing brace.")
    }
  }

  private static func explain(_ error: any Error, _ data: Data) -> String {
    let error = error as NSError
    if let detail = error.userInfo[NSDebugDescriptionErrorKey] as? String {
      return TextPlace.complaint(detail, about: data)
    }
    return "\(error)"
  }

  private static func keys(_ object: [String: Any], under prefix: String) -> [String] {
    object.flatMap { key, value in
      (value as? [String: Any]).map { keys($0, under: prefix + key + ".") } ?? [prefix + key]
    }
  }
}
