import Keyval

/// Keyval through its own client library; several callers share a client.
struct KeyvalStore: Store {
  let client: KeyvalClient

  func put(_ key: String, _ value: String) async throws { try await client.put(key, value) }
  func get(_ key: String) async throws -> String? { try await client.getString(key) }
  func close() {}
}
