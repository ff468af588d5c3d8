using System.Diagnostics.Metrics;
using MtlStream.Onnx;
using MtlStream.Onnx.Generation;

namespace MtlStream.Host;

/// <summary>What a command without a host works with: warnings go to stderr, the rest of the log nowhere.</summary>
internal sealed class ToolServices : IDisposable
{
    private readonly ServiceProvider _provider;

    /// <param name="least">The lowest level that is written.</param>
    public ToolServices(LogLevel least = LogLevel.Warning)
    {
        _provider = new ServiceCollection()
            .AddMetrics()
            .AddLogging(logging => logging.AddStderrConsole().SetMinimumLevel(least))
            .BuildServiceProvider();
        var loggers = _provider.GetRequiredService<ILoggerFactory>();
        var meters = _provider.GetRequiredService<IMeterFactory>();
        Models = new(loggers, meters);
        Generators = new(meters);
        Pipelines = new(loggers, meters, TimeProvider.System);
    }

    public ModelLoader Models { get; }
    public GeneratorLoader Generators { get; }
    public PipelineAssembly Pipelines { get; }
    public TimeProvider Time => Pipelines.Time;
    public ILoggerFactory Loggers => Pipelines.Loggers;

    public void Dispose() => _provider.Dispose();
}
