using System.Globalization;
using System.Text.RegularExpressions;

namespace Quiesce.Cluster.Kinds;

/// <summary>Kubernetes' order of versions: <c>v2, v1, v1beta2, v1beta1, v1alpha1</c>, then all others by name.</summary>
internal sealed partial class VersionOrder : IComparer<string?>
{
    public static readonly VersionOrder Instance = new();

    public int Compare(string? x, string? y)
    {
        var (a, b) = (Rank(x!), Rank(y!));
        var byStability = b.Stability.CompareTo(a.Stability);
        if (byStability != 0)
            return byStability;
        var byMajor = b.Major.CompareTo(a.Major);
        return byMajor != 0 ? byMajor : b.Minor != a.Minor ? b.Minor.CompareTo(a.Minor) : string.CompareOrdinal(x, y);
    }

    private static (int Stability, int Major, int Minor) Rank(string version)
    {
        var match = Pattern().Match(version);
        if (!match.Success)
            return (0, 0, 0);
        var stability = match.Groups[2].Value switch { "alpha" => 1, "beta" => 2, _ => 3 };
        return (stability, Number(match.Groups[1].Value), Number(match.Groups[3].Value));
    }

    private static int Number(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;

    [GeneratedRegex(@"^v(\d+)(?:(alpha|beta)(\d+))?$")]
    private static partial Regex Pattern();
}
