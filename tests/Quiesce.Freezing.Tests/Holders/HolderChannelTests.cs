using Quiesce.Freezing.Holders;

namespace Quiesce.Freezing.Tests.Holders;

/// <summary>The channel between agent and holder, on real sockets.</summary>
public sealed class HolderChannelTests
{
    [Fact]
    public void The_last_report_is_read_although_a_command_came_too_late_to_be()
    {
        var (ours, theirs) = HolderChannel.CreatePair();
        using var agent = new HolderChannel(ours);
        using (var holder = new HolderChannel(theirs))
        {
            Assert.True(holder.TrySend("frozen"u8));
            Assert.True(holder.TrySend("thawed at the deadline"u8));
            Assert.True(agent.TrySend("thaw"u8));
        }

        Assert.Equal("frozen"u8, agent.Receive([]));
        Assert.Equal("thawed at the deadline"u8, agent.Receive([]));
        Assert.True(agent.Receive([]).IsEmpty);
        Assert.True(agent.Receive([]).IsEmpty);
    }
}
