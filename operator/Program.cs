Quiesce.Operator.Hosting.StandardDescriptors.Ensure();
return await Quiesce.Operator.Hosting.OperatorCommand.RunAsync(args);
