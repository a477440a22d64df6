namespace Quiesce.Freezing.Tests.Contract;

/// <summary>Linux keeps the contract; needs root and loop devices.</summary>
public sealed class LinuxKernelContract(RealMachine machine) : KernelContract(machine), IClassFixture<RealMachine>;
