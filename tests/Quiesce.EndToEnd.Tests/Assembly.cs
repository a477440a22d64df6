using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

[assembly: AssemblyFixture(typeof(Leftovers))]
[assembly: AssemblyFixture(typeof(Installation))]
[assembly: AssemblyFixture(typeof(SpareInstallations))]

// Most tests wait for deadlines most of the time. Those that do something to what all share say so, and are alone.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.All, MaxThreads = 6)]
