using Microsoft.Extensions.Time.Testing;

namespace Quiesce.Operator.Tests.Client;

/// <summary>A token that somebody else renews.</summary>
public sealed class TokenFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task It_is_read_again_after_a_minute()
    {
        var token = new TokenFile(_file, _time);
        await File.WriteAllTextAsync(_file, "first\n", TestContext.Current.CancellationToken);
        Assert.Equal("Bearer first", await HeaderAsync(token));
        await File.WriteAllTextAsync(_file, "second", TestContext.Current.CancellationToken);
        Assert.Equal("Bearer first", await HeaderAsync(token));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("Bearer second", await HeaderAsync(token));
    }

    [Fact]
    public async Task It_is_read_again_at_once_when_the_server_refused_it()
    {
        var token = new TokenFile(_file, _time);
        await File.WriteAllTextAsync(_file, "first", TestContext.Current.CancellationToken);
        _ = await HeaderAsync(token);
        await File.WriteAllTextAsync(_file, "second", TestContext.Current.CancellationToken);
        token.Refused();
        Assert.Equal("Bearer second", await HeaderAsync(token));
    }

    [Fact]
    public async Task A_clock_set_back_by_hours_does_not_keep_an_old_one_in_use()
    {
        var time = new SteppedClock(_time);
        var token = new TokenFile(_file, time);
        await File.WriteAllTextAsync(_file, "first", TestContext.Current.CancellationToken);
        _ = await HeaderAsync(token);
        await File.WriteAllTextAsync(_file, "second", TestContext.Current.CancellationToken);
        time.Step = TimeSpan.FromHours(-5);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("Bearer second", await HeaderAsync(token));
    }

    private static async Task<string> HeaderAsync(TokenFile token) => (await token.GetAuthenticationHeaderAsync(TestContext.Current.CancellationToken)).ToString();

    private sealed class SteppedClock(TimeProvider steady) : TimeProvider
    {
        internal TimeSpan Step { get; set; }

        public override DateTimeOffset GetUtcNow() => steady.GetUtcNow() + Step;

        public override long GetTimestamp() => steady.GetTimestamp();

        public override long TimestampFrequency => steady.TimestampFrequency;
    }
}
