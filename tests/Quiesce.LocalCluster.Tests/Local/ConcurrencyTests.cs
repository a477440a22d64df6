using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Local;

public sealed class ConcurrencyTests : LocalTests
{
    [Fact]
    public async Task Patches_at_the_same_time_are_all_kept()
    {
        await CreateAsync("one");

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => MergeAsync("one", $$$"""{"data": {"key-{{{i}}}": "x"}}""")));

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        Assert.Equal(100, (await GetAsync($"{Maps}/one"))["data"]!.AsObject().Count);
    }

    [Fact]
    public async Task Of_puts_made_from_one_version_exactly_one_wins()
    {
        var body = await BodyAsync(await CreateAsync("one"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
        {
            var mine = body.DeepClone();
            mine["data"] = new JsonObject { ["by"] = i.ToString(CultureInfo.InvariantCulture) };
            return SendAsync(HttpMethod.Put, $"{Maps}/one", mine.ToJsonString());
        }));

        Assert.Equal(1, answers.Count(a => a.StatusCode == HttpStatusCode.OK));
        Assert.Equal(19, answers.Count(a => a.StatusCode == HttpStatusCode.Conflict));
    }

    [Fact]
    public async Task A_list_and_the_watch_after_it_miss_nothing_and_repeat_nothing()
    {
        var writer = Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
                await CreateAsync($"map-{i:000}");
        }, Cancel);

        while ((await GetAsync(Maps)).Names().Count < 20)
            await Task.Yield();
        var list = await GetAsync(Maps);
        using var watch = await WatchAsync($"resourceVersion={list.Version()}");
        var seen = list.Names().ToList();
        while (seen.Count < 200)
            seen.Add((await watch.NextChangeAsync(Cancel)).Object.Name());
        await writer;

        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"map-{i:000}"), seen);
    }
}
