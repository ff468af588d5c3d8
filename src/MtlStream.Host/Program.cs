using MtlStream.Host;

using var signals = new StopSignals(); // before all else: until then a signal ends the process by itself
return await CommandLine.RunAsync(args, signals.Stopping);
