using System.Globalization;
using MtlStream.Host;

// Options, logs and messages are for machines too: a point stays a point and a year a year, whoever starts the program.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;

using var signals = new StopSignals(); // before all else that takes time: until then a signal ends the process by itself
return await CommandLine.RunAsync(args, signals.Stopping);
