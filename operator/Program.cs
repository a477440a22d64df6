return await Quiesce.Operator.Hosting.OperatorCommand.RunAsync(args);
