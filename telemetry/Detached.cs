using System.Diagnostics;

namespace Quiesce.Telemetry;

/// <summary>Spans that belong to an object and not to the code that happens to run: they leave <see cref="Activity.Current"/> as it was.</summary>
public static class Detached
{
    /// <summary>Begins one; null where nobody listens.</summary>
    /// <param name="source">Whose it is.</param>
    /// <param name="name">Its name, one of few.</param>
    /// <param name="parent">What it belongs to; default for a new trace.</param>
    /// <param name="start">When it began; now where not given.</param>
    public static Activity? Start(ActivitySource source, string name, ActivityContext parent, DateTimeOffset start = default)
    {
        var current = Activity.Current;
        // Without this a root would be made a child of what happens to run.
        Activity.Current = null;
        try
        {
            return source.StartActivity(name, ActivityKind.Internal, parent, startTime: start);
        }
        finally
        {
            Activity.Current = current;
        }
    }

    /// <summary>Ends one.</summary>
    /// <param name="activity">The span; nothing is done for null.</param>
    /// <param name="end">When it ended; now where not given.</param>
    public static void End(Activity? activity, DateTimeOffset end = default)
    {
        if (activity is null) return;
        var current = Activity.Current;
        if (end != default) activity.SetEndTime(end.UtcDateTime);
        activity.Stop();
        Activity.Current = current;
    }
}
