using System.Text;
using System.Text.RegularExpressions;

namespace Quiesce.Cluster.Schema;

/// <summary>Regular expressions in the syntax of Go (RE2), which schemas are written in.</summary>
internal static class GoRegex
{
    /// <returns>Null if the pattern is not valid.</returns>
    public static Regex? TryCompile(string pattern)
    {
        try
        {
            return new Regex(Translate(pattern), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Where .NET means something else by the same letters: <c>$</c> would allow a final line feed, and the classes would be Unicode's.</summary>
    private static string Translate(string pattern)
    {
        var result = new StringBuilder(pattern.Length + 8);
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                var escaped = pattern[++i];
                var ascii = escaped switch { 'd' => "0-9", 'w' => "0-9A-Za-z_", 's' => @"\t\n\f\r ", _ => null };
                if (escaped == 'z')
                    result.Append(@"\z");
                else if (ascii is null)
                    result.Append(c).Append(escaped);
                else
                    result.Append(inClass ? ascii : $"[{ascii}]");
            }
            else if (c == '[' && !inClass)
            {
                inClass = true;
                result.Append(c);
                // A bracket that comes first in a class is a member of it.
                if (i + 1 < pattern.Length && pattern[i + 1] == '^')
                    result.Append(pattern[++i]);
                if (i + 1 < pattern.Length && pattern[i + 1] == ']')
                    result.Append('\\').Append(pattern[++i]);
            }
            else if (c == '[')
            {
                // Unescaped, .NET would read a class subtraction after a dash.
                result.Append(@"\[");
            }
            else
            {
                inClass = inClass && c != ']';
                result.Append(c == '$' && !inClass ? @"\z" : c.ToString());
            }
        }

        return result.ToString();
    }
}
