using Quiesce.RealFilesystems;

[assembly: AssemblyFixture(typeof(Leftovers))]
