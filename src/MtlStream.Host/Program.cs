using MtlStream.Host;

return await CommandLine.RunAsync(args);
