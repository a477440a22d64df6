using System.Globalization;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Windows;

internal enum EventKind
{
    /// <summary>A flush is made and returns; the value is its error, or -1 for a slow success.</summary>
    Flush,

    /// <summary>A thread notes that it is about to make its call.</summary>
    Begin,

    /// <summary>The call takes effect in the kernel; the value is an error it answers instead, or 0.</summary>
    Enter,

    /// <summary>The call returns, is noted and answered.</summary>
    Complete,

    /// <summary>The clock reaches the next time that is waited for.</summary>
    Timer,

    /// <summary>That time passes, and the clock's thread has not run yet.</summary>
    LateClock,

    /// <summary>The command to freeze.</summary>
    Freeze,
    Confirm,
    Raise,

    /// <summary>An end from outside; the index says which of the causes.</summary>
    End,
    StrangerFreezes,
    StrangerThaws,

    /// <summary>Somebody writes to the device past the filesystem.</summary>
    Write,
}

/// <summary>One thing that happens.</summary>
internal readonly record struct WorldEvent(EventKind Kind, int Index = -1, int Value = 0)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Kind}{(Index < 0 ? "" : $" {Index}")}{(Value == 0 ? "" : Value < 0 ? " slowly" : $" {((Errno)Value).Describe()}")}");
}
