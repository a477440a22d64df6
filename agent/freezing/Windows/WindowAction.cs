namespace Quiesce.Freezing.Windows;

/// <summary>What the window wants done.</summary>
public enum WindowActionKind
{
    /// <summary>Flush a filesystem; answer with <see cref="Window.Flushed"/>.</summary>
    Flush,

    /// <summary>Freeze a filesystem; answer with <see cref="Window.FreezeReturned"/>, or <see cref="Window.FreezeAbandoned"/> when not begun.</summary>
    Freeze,

    /// <summary>Thaw a filesystem; answer with <see cref="Window.ThawReturned"/>.</summary>
    Thaw,

    /// <summary>Tell the agent how things stand.</summary>
    Report,
}

/// <summary>One thing to do.</summary>
/// <param name="Kind">What.</param>
/// <param name="Index">Which filesystem; -1 where none is meant.</param>
public readonly record struct WindowAction(WindowActionKind Kind, int Index);
