namespace Quiesce.Freezing.Tests.Contract;

/// <summary>The simulation keeps the contract.</summary>
public sealed class SimulatedKernelContract() : KernelContract(new SimulatedMachine());
