// Most tests wait most of the time: for answers that are held up, for pauses, for leases that run out.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
