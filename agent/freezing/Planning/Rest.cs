using System.Globalization;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Planning;

/// <summary>A filesystem that was held a moment ago, and until when it is left alone: nobody keeps a disk frozen by one hold after the other.</summary>
/// <param name="Superblock">Which.</param>
/// <param name="Until">From then on it may be held again, in <c>CLOCK_BOOTTIME</c> nanoseconds.</param>
public readonly record struct Rest(DeviceNumber Superblock, long Until)
{
    /// <summary>Why a plan may not be held yet; null when it may.</summary>
    /// <param name="rests">What is to be left alone.</param>
    /// <param name="plan">What is to be held.</param>
    /// <param name="now">The time, in <c>CLOCK_BOOTTIME</c> nanoseconds.</param>
    public static Refusal? Refuse(IReadOnlyList<Rest> rests, FreezePlan plan, long now)
    {
        var longest = rests.Where(r => r.Until > now).Join(plan.Filesystems, r => r.Superblock, f => f.Superblock, (rest, filesystem) => (rest.Until, filesystem.Path)).OrderByDescending(r => r.Until).FirstOrDefault();
        return longest.Path is null
            ? null
            : new Refusal(FreezeReason.TooSoon, string.Create(
                CultureInfo.InvariantCulture, $"{longest.Path}: a hold of it ended a moment ago, and this installation leaves a pause between two; nothing was frozen, ask again in {(longest.Until - now) / 1e9:0.#} s"));
    }
}
