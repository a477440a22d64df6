namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Keeps the times in which one process could do nothing. Safe for any number of threads.</summary>
internal sealed class Attendance
{
    private readonly Lock gate = new();
    private readonly List<Absence> absences = [];

    /// <summary>All of them so far.</summary>
    internal IReadOnlyList<Absence> Absences
    {
        get
        {
            lock (gate) return [.. absences];
        }
    }

    /// <summary>It can do nothing from now on; nothing changes where it could not already.</summary>
    internal void Leave(TimeSpan at)
    {
        lock (gate)
            if (absences.Count == 0 || absences[^1].To != TimeSpan.MaxValue) absences.Add(new Absence(at, TimeSpan.MaxValue));
    }

    /// <summary>It can go on.</summary>
    internal void Return(TimeSpan at)
    {
        lock (gate)
            if (absences.Count > 0 && absences[^1].To == TimeSpan.MaxValue) absences[^1] = absences[^1] with { To = at };
    }

    /// <summary>A new round: what is past is forgotten, an absence that lasts is not.</summary>
    internal void Forget()
    {
        lock (gate) absences.RemoveAll(a => a.To != TimeSpan.MaxValue);
    }

    /// <summary>Nothing of it is left: another one begins.</summary>
    internal void Reset()
    {
        lock (gate) absences.Clear();
    }
}
