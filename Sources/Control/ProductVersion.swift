/// The version of the product: one for the daemon and the command line.
public enum ProductVersion {
    /// Semantic version.
    public static let text = "0.1.0"
}
