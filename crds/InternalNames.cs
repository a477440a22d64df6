using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Quiesce.Crds;

/// <summary>Names of the internal objects.</summary>
public static class InternalNames
{
    /// <summary>The namespace the internal objects live in unless the installation says otherwise.</summary>
    public const string DefaultNamespace = "quiesce-system";

    /// <summary>Name of the FreezeWindow of a request, unless it is <see cref="CalledWindow"/>: derived and never stored, so that a restarted operator finds the same one.</summary>
    public static string Window(string requestUid) => requestUid;

    /// <summary>
    /// Name of the FreezeWindow by which many nodes are called at once: every agent watches it at any time. One at a time has it; the others have the name of their request.
    /// </summary>
    public const string CalledWindow = "called";

    /// <summary>The <see cref="NodeFreeze.PlanId"/> of a node that is called.</summary>
    public static string PlanId(string windowUid, string nodeName) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{windowUid}/{nodeName}")).AsSpan(0, 16)).ToString("D");

    /// <summary>
    /// A name for a NodeFreeze of a node, such as <c>node-1-0</c>: each takes the lowest place that is free, and leaves it to another when it is gone. An agent knows the names
    /// that its next plan can have, and watches for them alone.
    /// </summary>
    /// <param name="nodeName">The node.</param>
    /// <param name="place">0, 1, 2 and so on.</param>
    public static string NodeFreeze(string nodeName, int place)
    {
        // No two nodes share a name: what is before the last hyphen is the node's, whole, or with a hash instead of what would be too long.
        var node = nodeName.Length <= LongestNode ? nodeName : $"{nodeName[..(LongestNode - 11)]}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(nodeName)).AsSpan(0, 5))}";
        return string.Create(CultureInfo.InvariantCulture, $"{node}-{place}");
    }

    /// <summary>The place in the name of a node's NodeFreeze; null where it is not such a name.</summary>
    public static int? PlaceOf(string nodeName, string name) =>
        int.TryParse(name.AsSpan(name.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var place) && NodeFreeze(nodeName, place) == name ? place : null;

    // Of the 253 characters that a name may have.
    private const int LongestNode = 240;
}
