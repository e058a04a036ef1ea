/// All mutants, in the order in which they are looked for.
public enum Catalogue {
  public static let mutants: [Mutant] =
    databases + owners + shadows + journals + clients + leases + drones + authorities + commanders

  public static func mutant(_ name: String) -> Mutant? { mutants.first { $0.name == name } }
}
