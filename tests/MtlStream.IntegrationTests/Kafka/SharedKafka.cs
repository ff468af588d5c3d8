using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: TestFramework("MtlStream.IntegrationTests.Kafka.SharedKafka", "MtlStream.IntegrationTests")]
[assembly: CollectionBehavior(MaxParallelThreads = 4)] // more than there are cores: most of these tests wait

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Ends the Kafka that tests share when all of them have run: xunit has no fixture of an assembly.</summary>
public sealed class SharedKafka(IMessageSink messages) : XunitTestFramework(messages)
{
    protected override ITestFrameworkExecutor CreateExecutor(AssemblyName assemblyName) =>
        new Executor(assemblyName, SourceInformationProvider, DiagnosticMessageSink);

    private sealed class Executor(AssemblyName assembly, ISourceInformationProvider source, IMessageSink messages)
        : XunitTestFrameworkExecutor(assembly, source, messages)
    {
        protected override async void RunTestCases(
            IEnumerable<IXunitTestCase> testCases, IMessageSink executionMessageSink, ITestFrameworkExecutionOptions executionOptions)
        {
            using var runner = new Runner(TestAssembly, testCases, DiagnosticMessageSink, executionMessageSink, executionOptions);
            await runner.RunAsync();
        }
    }

    private sealed class Runner(
        ITestAssembly assembly, IEnumerable<IXunitTestCase> cases, IMessageSink messages, IMessageSink results, ITestFrameworkExecutionOptions options)
        : XunitTestAssemblyRunner(assembly, cases, messages, results, options)
    {
        protected override Task BeforeTestAssemblyFinishedAsync()
        {
            RealKafka.EndShared();
            return base.BeforeTestAssemblyFinishedAsync();
        }
    }
}
