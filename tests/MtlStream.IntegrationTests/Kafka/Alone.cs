namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Classes with three brokers each, which take the whole machine: they run after all others, one by one.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
