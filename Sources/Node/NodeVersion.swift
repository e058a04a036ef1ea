/// The version that nodes name in their hello and `keyval --version` prints.
public enum NodeVersion {
  public static let text = "0.1.0"
}
