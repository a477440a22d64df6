using Quiesce.Cluster;

return await LocalClusterProgram.RunAsync(args).ConfigureAwait(false);
