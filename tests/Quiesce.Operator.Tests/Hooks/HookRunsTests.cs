using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Operator.Hooks;

namespace Quiesce.Operator.Tests.Hooks;

/// <summary>How long what cannot be sent is sent again. The clock is the test's.</summary>
public sealed class HookRunsTests
{
    private static readonly FreezeHook Hook = new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "db" } }, Command = ["/bin/true"] };

    [Theory]
    [InlineData(HookStage.PreFreeze, null, 60)]
    [InlineData(HookStage.PostThaw, null, 300)]
    // A deletion waits for a minute, whenever it comes.
    [InlineData(HookStage.PostThaw, 0, 60)]
    [InlineData(HookStage.PostThaw, 100, 160)]
    [InlineData(HookStage.PostThaw, 270, 300)]
    public async Task What_cannot_be_sent_is_sent_again_for_as_long_as_that_is_worth_something(HookStage stage, int? deletedAfter, int seconds)
    {
        await using var cluster = await TestCluster.StartAsync();
        // What is asked before each try.
        cluster.Server.Faults.Inject(RequestMatch.Of("get", "pods"), FaultEffect.Status(429, "TooManyRequests", "no"), times: 10_000);
        var time = new FakeTimeProvider();
        var runs = new HookRuns(cluster.Connection, new(), time, NullLogger<HookRuns>.Instance);
        var request = new FreezeRequest
        {
            Metadata = new() { Name = "nightly", NamespaceProperty = "shop", Uid = Guid.NewGuid().ToString() },
            Spec = new() { Targets = [], Hooks = new() { PreFreeze = [Hook], PostThaw = [Hook] } },
        };
        var uid = request.Metadata.Uid;
        var hook = new HookStatus { Stage = stage, Hook = HookCommand.NameOf(stage, 0), Pod = "db-0", PodUid = "1", Container = "main", StartedAt = time.GetUtcNow() };
        runs.Intend(uid, [hook]);
        runs.Start(request, [hook], CancellationToken.None);
        var passed = 0;
        while (runs.Of(uid).Values.Single().Result is null)
        {
            Assert.InRange(passed, 0, 400);
            if (passed == deletedAfter) runs.Deleting(uid);
            time.Advance(TimeSpan.FromSeconds(1));
            passed++;
            await Task.Delay(5);
        }

        // A try takes its time, while the test's clock goes on.
        Assert.InRange(passed, seconds, seconds + 25);
        Assert.Equal(Reasons.HookNotRun, runs.Of(uid).Values.Single().Result!.Reason);
    }
}
