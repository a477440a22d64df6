namespace Quiesce.Freezing.Tests.Windows;

/// <summary>A 128-bit digest of a state: at a million states the chance that two are taken for one is below 10^-25.</summary>
internal struct Digest
{
    private ulong high;
    private ulong low;

    internal Digest(ulong seed)
    {
        high = seed;
        low = ~seed;
    }

    internal readonly UInt128 Value => new(high, low);

    internal void Add(long value)
    {
        high = Mix(high ^ (ulong)value);
        low = Mix((low + (ulong)value) * 0x9E3779B97F4A7C15UL);
    }

    internal void Add(long? value)
    {
        Add(value is null ? 0x5DEECE66DL : 1);
        Add(value ?? 0);
    }

    internal void Add(string? text)
    {
        Add(text?.Length ?? -1);
        Add(text?.GetHashCode(StringComparison.Ordinal) ?? 0);
    }

    // The finalizer of MurmurHash3.
    private static ulong Mix(ulong x)
    {
        x ^= x >> 33;
        x *= 0xFF51AFD7ED558CCDUL;
        x ^= x >> 33;
        x *= 0xC4CEB9FE1A85EC53UL;
        return x ^ (x >> 33);
    }
}
