using System.Globalization;
using Quiesce.Freezing;
using Quiesce.Freezing.Planning;
using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>Whether this process may freeze and thaw at all.</summary>
internal static class Privilege
{
    private const int CAP_SYS_ADMIN = 21;

    /// <summary>
    /// Why it may not, or null. Asked before anything is made or opened: without it the first thing to fail would be the journal's folder, and what
    /// an ordinary user made of it would be in the way of root's next window.
    /// </summary>
    internal static Refusal? Missing()
    {
        foreach (var line in File.ReadLines("/proc/self/status"))
        {
            if (!line.StartsWith("CapEff:", StringComparison.Ordinal)) continue;
            if (!ulong.TryParse(line.AsSpan("CapEff:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var effective)) break;
            if ((effective & (1UL << CAP_SYS_ADMIN)) != 0) return null;
            return new Refusal(FreezeReason.PermissionDenied, string.Create(CultureInfo.InvariantCulture,
                $"user {LibC.geteuid()} may not freeze or thaw here: that needs CAP_SYS_ADMIN; run quiesce-agent as root"));
        }
        return null; // not to be told; the kernel will say
    }
}
