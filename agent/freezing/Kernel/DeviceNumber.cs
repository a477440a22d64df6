using System.Globalization;

namespace Quiesce.Freezing.Kernel;

/// <summary>A device number. Of a superblock it is the one in mountinfo, which is the same for every subvolume of a btrfs; <c>st_dev</c> is not.</summary>
public readonly record struct DeviceNumber(uint Major, uint Minor)
{
    /// <summary>Splits the 64-bit encoding of the kernel's <c>huge_encode_dev</c> and of glibc's <c>dev_t</c>.</summary>
    public static DeviceNumber FromEncoded(ulong dev) =>
        new((uint)(((dev >> 8) & 0xfff) | ((dev >> 32) & ~0xfffUL)), (uint)((dev & 0xff) | ((dev >> 12) & ~0xffUL)));

    /// <summary>Parses <c>major:minor</c> in decimal.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out DeviceNumber device)
    {
        device = default;
        var colon = text.IndexOf(':');
        if (colon < 0
            || !uint.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            || !uint.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var minor))
            return false;
        device = new DeviceNumber(major, minor);
        return true;
    }

    /// <summary><c>major:minor</c> in decimal, as in mountinfo and under <c>/sys/dev/block</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}:{Minor}");
}
