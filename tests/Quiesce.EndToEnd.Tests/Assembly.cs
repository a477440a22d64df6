using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

[assembly: AssemblyFixture(typeof(Leftovers))]
[assembly: AssemblyFixture(typeof(Installation))]

// One operator serves all tests, and some of them kill it.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
