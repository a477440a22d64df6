using CsCheck;

namespace Quiesce.Fuzzing;

/// <summary>One thing done to bytes that were whole: what a cut, a flipped bit, a wrong length or another version leaves.</summary>
internal readonly record struct Damage(DamageKind Kind, int At, int Value)
{
    private static readonly int[] Numbers = [0, 1, -1, 2, 127, 128, 255, 256, 4096, 4097, 65536, int.MaxValue, int.MinValue, int.MaxValue - 3];

    /// <summary>Up to six of them, or none.</summary>
    internal static readonly Gen<Damage[]> Any =
        Gen.Select(Gen.Int[0, 7], Gen.Int[0, 1 << 20], Gen.Int[0, 1 << 16]).Select(t => new Damage((DamageKind)t.Item1, t.Item2, t.Item3)).Array[0, 6];

    /// <summary>The bytes after all of it.</summary>
    internal static byte[] Do(byte[] whole, IEnumerable<Damage> damages) => damages.Aggregate(whole, (bytes, damage) => damage.Do(bytes));

    private byte[] Do(byte[] whole)
    {
        if (whole.Length == 0) return whole;
        var at = At % whole.Length;
        var bytes = whole.ToArray();
        switch (Kind)
        {
            case DamageKind.Flip:
                bytes[at] ^= (byte)(1 << (Value & 7));
                return bytes;
            case DamageKind.Byte:
                bytes[at] = (byte)Value;
                return bytes;
            case DamageKind.Number:
                _ = BitConverter.GetBytes(Numbers[Value % Numbers.Length]).AsSpan(0, Math.Min(4, bytes.Length - at)).TryCopyTo(bytes.AsSpan(at));
                return bytes;
            case DamageKind.Cut:
                return bytes[..at];
            case DamageKind.Remove:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + (Value % 64))..]];
            case DamageKind.Repeat:
                return [.. bytes[..at], .. bytes[at..Math.Min(bytes.Length, at + 1 + (Value % 512))], .. bytes[at..]];
            case DamageKind.Append:
                return [.. bytes, .. Enumerable.Repeat((byte)Value, 1 + (At % 600))];
            default:
                return [.. bytes[..at], (byte)Value, .. bytes[at..]];
        }
    }
}

/// <summary>Kinds of it.</summary>
internal enum DamageKind
{
    Flip,
    Byte,
    Number,
    Cut,
    Remove,
    Repeat,
    Append,
    Insert,
}
