import Keyval

/// The example of the library's documentation, here so that it compiles. `path` is a client's configuration
/// file, as `keyval cluster env` names it in `KEYVAL_CONFIG`; `kinit` comes first.
func greet(configuredAt path: String) async throws -> String? {
  let configuration = try ClientConfiguration.load(path: path)
  let client = try KeyvalClient(configuration: configuration)
  defer { client.close() }

  try await client.put("greeting", "hello")
  let greeting = try await client.getString("greeting")

  do {
    try await client.delete("greeting")
  } catch KeyvalError.noTicket(let realm) {
    print("there is no ticket: kinit NAME@\(realm)")
  } catch let error as KeyvalError {
    // Whose fault it is, and what to do.
    print(error)
  }
  return greeting
}
