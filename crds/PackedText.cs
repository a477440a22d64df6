using System.IO.Compression;
using System.Text;

namespace Quiesce.Crds;

/// <summary>Text of an annotation, packed where it is long: every agent of a window gets all of the window with each command.</summary>
public static class PackedText
{
    private const string Mark = "gzip:";
    private const int LongestPlain = 1024;

    // Far more than an annotation holds, packed or not.
    private const int Longest = 16 * 1024 * 1024;

    /// <summary>The text, or its packed form.</summary>
    public static string Pack(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length <= LongestPlain) return text;
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return Mark + Convert.ToBase64String(packed.ToArray());
    }

    /// <summary>What <see cref="Pack"/> was given.</summary>
    /// <exception cref="FormatException">It is not the form of a packed text.</exception>
    /// <exception cref="InvalidDataException">It is damaged, or longer than 16 MiB.</exception>
    public static string Unpack(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Mark, StringComparison.Ordinal)) return text;
        using var gzip = new GZipStream(new MemoryStream(Convert.FromBase64String(text[Mark.Length..])), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        var part = new byte[16 * 1024];
        for (int read; (read = gzip.Read(part)) > 0;)
        {
            if (plain.Length + read > Longest) throw new InvalidDataException("a packed text is far too long");
            plain.Write(part, 0, read);
        }

        return Encoding.UTF8.GetString(plain.GetBuffer(), 0, (int)plain.Length);
    }
}
