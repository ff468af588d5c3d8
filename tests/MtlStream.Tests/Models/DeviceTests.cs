using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MtlStream.Onnx;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Models;

/// <summary>Which device serves, what it is told, and how its failures are told apart.</summary>
public sealed class DeviceTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    private OnnxMultitaskModel Load(string device, ILogger? logger = null) =>
        OnnxMultitaskModel.Load(_package.Manifest(), new() { Device = device, Lanes = 2 }, logger ?? NullLogger.Instance);

    [Fact]
    public void Auto_falls_back_to_the_cpu_warns_where_there_is_a_gpu_and_has_a_gauge_that_says_so()
    {
        using var meters = new MeterFactory();
        var serving = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "mtlstream.model.serving") l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>((_, value, tags, _) => serving.Add($"{value} {tags[0].Key}={tags[0].Value}"));
        listener.Start();
        var logger = new FakeLogger();

        using var model = Load("auto", logger);
        new PipelineMetrics(meters).Observe([], () => model.Identity);
        listener.RecordObservableInstruments();

        Assert.Equal("cpu", model.Identity.Device);
        var warnings = logger.Collector.GetSnapshot().Where(l => l.Level == LogLevel.Warning).Select(l => l.Message);
        if (SessionFactory.HasGpuDriver)
        {
            Assert.Equal("the package toy has no graph for one.", model.Fallback);
            Assert.Contains(model.Fallback!, Assert.Single(warnings), StringComparison.Ordinal);
        }
        else
        {
            Assert.Null(model.Fallback);
            Assert.Empty(warnings);
            Assert.Contains("No GPU here: the CPU serves the model.", logger.Collector.GetSnapshot().Select(l => l.Message));
        }

        Assert.Contains("1 mtlstream.model.device=cpu", serving);
    }

    [Fact]
    public void A_gpu_asked_for_by_name_is_missed_at_start()
    {
        if (SessionFactory.HasGpuDriver) return; // with a GPU the opposite is true

        _package.Edit(manifest => manifest["graphs"]!["cuda"] = "model.cpu.onnx");

        var message = Assert.Throws<DeviceUnavailableException>(() => Load("cuda")).Message;

        Assert.StartsWith("cuda cannot serve: found no NVIDIA driver (libcuda.so.1). Expected an NVIDIA GPU", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_the_package_has_no_graph_for_is_named()
    {
        Assert.Contains(
            "graphs: found cpu, expected cuda for device cuda", Assert.Throws<InvalidDataException>(() => Load("cuda")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CUDA failure 2: out of memory ; GPU=0 ; hostname=a", true)]
    [InlineData("CUBLAS failure 1: CUBLAS_STATUS_NOT_INITIALIZED ; GPU=0 ; hostname=a", true)]
    [InlineData("CUDNN failure 1002: CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED ; GPU=0 ; hostname=a", true)]
    [InlineData("Failed to allocate memory for requested buffer of size 23617672", true)]
    [InlineData("Protobuf parsing failed.", false)]
    public void A_failure_of_the_device_is_told_from_one_of_the_graph(string message, bool expected) =>
        Assert.Equal(expected, SessionFactory.IsDeviceFailure(message));

    [Theory]
    [InlineData("Failed to allocate memory for requested buffer of size 17179869184", true)]
    [InlineData("CUDA failure 2: out of memory ; GPU=0", true)]
    [InlineData("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", true)]
    [InlineData("indices element out of data bounds, idx=64 must be within the inclusive range [-64,63]", false)]
    public void Running_out_of_memory_is_told_from_other_failures(string message, bool expected) =>
        Assert.Equal(expected, OnnxMultitaskModel.IsOutOfMemory(message));
}
