namespace MtlStream.Tests.Eng;

/// <summary>What a build copies of the packages' native files.</summary>
public sealed class BuildTests
{
    [Fact]
    public void Native_files_are_those_of_the_one_platform_that_is_built_for()
    {
        var files = Directory.GetFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories);

        Assert.DoesNotContain(files, f => f.Contains("/runtimes/", StringComparison.Ordinal));
        Assert.DoesNotContain(files, f => f.EndsWith(".dylib", StringComparison.Ordinal) || f.EndsWith("/onnxruntime.dll", StringComparison.Ordinal));
        Assert.Contains(files, f => f.EndsWith("/libonnxruntime.so", StringComparison.Ordinal));
    }

    [Fact]
    public void A_program_for_the_CPU_carries_no_CUDA_provider()
    {
        if (Environment.GetEnvironmentVariable("MTLSTREAM_CUDA") == "1") return;

        Assert.Empty(Directory.GetFiles(AppContext.BaseDirectory, "libonnxruntime_providers_cuda*", SearchOption.AllDirectories));
    }
}
