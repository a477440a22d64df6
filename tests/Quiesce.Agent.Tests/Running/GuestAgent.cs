using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests.Running;

/// <summary>The QEMU guest agent beside ours.</summary>
internal static class GuestAgent
{
    internal static void Require()
    {
        Programs.Require();
        Programs.RequireTool("qemu-ga", "qemu-guest-agent");
    }

    /// <inheritdoc cref="QemuGuestAgent.StartAsync"/>
    internal static Task<QemuGuestAgent> StartAsync(bool alone = true) => QemuGuestAgent.StartAsync(Path.GetDirectoryName(Programs.Agent)!, alone);
}
