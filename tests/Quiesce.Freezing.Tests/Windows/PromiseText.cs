using System.Runtime.CompilerServices;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>The text of a promise, put together only when it was not kept: a million checks a second cost nothing else.</summary>
[InterpolatedStringHandler]
internal ref struct PromiseText
{
    private DefaultInterpolatedStringHandler text;

    public PromiseText(int literalLength, int formattedCount, bool kept, out bool wanted)
    {
        wanted = !kept;
        text = kept ? default : new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    public void AppendLiteral(string value) => text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

    internal string Text() => text.ToStringAndClear();
}
