using System.Security.Cryptography;
using System.Text;

namespace Quiesce.Crds;

/// <summary>Names of the internal objects, derived and never stored, so that a restarted operator finds the same ones.</summary>
public static class InternalNames
{
    /// <summary>The namespace the internal objects live in unless the installation says otherwise.</summary>
    public const string DefaultNamespace = "quiesce-system";

    /// <summary>Name of the FreezeWindow of a request.</summary>
    public static string Window(string requestUid) => requestUid;

    /// <summary>Name of the NodeFreeze of a request on a node: the UID and 10 hexadecimal digits of the node name's SHA-256.</summary>
    public static string NodeFreeze(string requestUid, string nodeName) =>
        $"{requestUid}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(nodeName)).AsSpan(0, 5))}";
}
