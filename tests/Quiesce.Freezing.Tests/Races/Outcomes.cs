using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Races;

/// <summary>What became of many look-ups of one path.</summary>
internal sealed class Outcomes(string what)
{
    private readonly Dictionary<Errno, long> errors = [];

    internal string What => what;

    internal long Attempts => Folder + Elsewhere + Escapes + errors.Values.Sum();

    /// <summary>It was the folder that was meant.</summary>
    internal long Folder { get; set; }

    /// <summary>It was another folder of the volume, where a link led.</summary>
    internal long Elsewhere { get; set; }

    /// <summary>It was a folder of another filesystem.</summary>
    internal long Escapes { get; set; }

    internal long Of(Errno error) => errors.GetValueOrDefault(error);

    internal void Add(Errno error) => errors[error] = Of(error) + 1;

    public override string ToString() =>
        $"{what}: {Folder:N0} times the folder, {Elsewhere:N0} elsewhere in the volume, {Escapes:N0} outside{string.Concat(errors.OrderBy(e => e.Key).Select(e => $", {e.Value:N0} {e.Key}"))}";
}
