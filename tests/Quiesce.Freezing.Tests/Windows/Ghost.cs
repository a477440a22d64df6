using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>Where the call of one filesystem is.</summary>
internal enum CallStep
{
    None,
    Posted,
    Begun,
    Entered,
}

/// <summary>What is true of one filesystem, which the code under test cannot know or must not forget.</summary>
internal record struct Ghost
{
    /// <summary>When FIFREEZE of ours had succeeded and its thread came back to say so.</summary>
    internal long? FrozeAt;

    /// <summary>It came back only after the end.</summary>
    internal bool Late;

    /// <summary>Another program thawed what was frozen by us.</summary>
    internal bool StrangerThawed;

    /// <summary>And then froze it itself: to the kernel that is one freeze like ours, nobody can tell.</summary>
    internal bool StrangerTookOver;

    /// <summary>Its device was written to while we held it.</summary>
    internal bool Written;

    /// <summary>The last answer of FITHAW.</summary>
    internal Errno? ThawAnswer;

    /// <summary>When the first thaw was posted.</summary>
    internal long? ThawPostedAt;

    /// <inheritdoc cref="FrozeAt"/>
    internal readonly bool Froze => FrozeAt is not null;
}
