using MtlStream.Batching;
using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>A loaded model. Implemented by ONNX Runtime, and by lookup tables in tests and benchmarks.</summary>
public interface IMultitaskModel : IDisposable
{
    /// <summary>Name and version, as every result carries them.</summary>
    ModelIdentity Identity { get; }

    /// <summary>The tasks served, in the order in which <see cref="Predictions"/> holds them.</summary>
    IReadOnlyList<ModelTask> Tasks { get; }

    /// <summary>What a good batch is on this device.</summary>
    BatchShape Shape { get; }

    /// <summary>How many threads may call <see cref="Predict"/> at once, each as an inference worker with a number of its own.</summary>
    int Workers { get; }

    /// <summary>Runs the model and blocks the calling thread until the device is done. The caller owns the result.</summary>
    /// <param name="worker">0 to <see cref="Workers"/> - 1; two calls of the same worker must not overlap.</param>
    /// <exception cref="InferenceException">The device refused this batch; a smaller one may succeed.</exception>
    /// <exception cref="MixedBatchException">Nothing failed, but it has to be scored in parts.</exception>
    Predictions Predict(TokenBatch batch, int worker);

    /// <summary>Scores a known-good text as this worker. Throws when the device, not an event, is at fault.</summary>
    /// <exception cref="InferenceException">The device is broken.</exception>
    void Probe(int worker);
}

/// <summary>Which model it is.</summary>
/// <param name="Device">The device that serves: <c>cpu</c> or <c>cuda</c>.</param>
public sealed record ModelIdentity(string Name, string Version, string Device);

/// <summary>The model could not score a batch.</summary>
/// <param name="outOfMemory">True when the device had no room: smaller batches may well pass, and no event is to blame.</param>
public sealed class InferenceException(string message, Exception? inner = null, bool outOfMemory = false) : Exception(message, inner)
{
    public bool OutOfMemory { get; } = outOfMemory;
}

/// <summary>A batch of several sequences cannot be scored in one call; a single sequence always can.</summary>
public sealed class MixedBatchException(string message) : Exception(message);
