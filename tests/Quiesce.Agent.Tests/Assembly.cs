using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;

[assembly: AssemblyFixture(typeof(Leftovers))]
[assembly: AssemblyFixture(typeof(Programs))]

// One test at a time: each start of an agent ends what dead ones left behind, which another test may just be about to look at.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
