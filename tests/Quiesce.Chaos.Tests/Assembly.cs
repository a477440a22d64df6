using Quiesce.RealFilesystems;

[assembly: AssemblyFixture(typeof(Leftovers))]

// Each suite looks at times, and has the machine for itself.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
