using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Worker;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Onnx.Generation;

namespace MtlStream.Host.Diagnosis;

/// <summary>Loads the model as the worker would.</summary>
internal static class ModelDiagnosis
{
    public static IEnumerable<Finding> Find(ServingOptions settings)
    {
        using var tool = new ToolServices(LogLevel.None);
        LoadedModel? loaded = null;
        Finding? failure = null;
        try
        {
            ModelSettings.Check(settings);
            loaded = tool.Models.LoadVerified(settings.Model, settings.Tokenization, settings.Batching);
            var texts = GeneratorLoader.WithOwn(settings.Generation, settings.Model.Generate, loaded.Manifest.Folder);
            tool.Generators.Load(texts, settings.Model.Generate)?.Dispose();
            if (settings.Model.Shadow.Length > 0)
                tool.Models.LoadVerified(ServedModel.ShadowOptions(settings.Model, loaded.Model.Identity.Device), settings.Tokenization, settings.Batching).Dispose();
        }
        catch (UsageException exception)
        {
            failure = new(Severity.Failure, "model", exception.Message, "Correct the setting or the file that it names; without Model:Path the shipped package serves.");
        }
        catch (InvalidDataException exception)
        {
            failure = new(Severity.Failure, "model", exception.Message, "Fetch the package again; `mtlstream model verify DIR` checks it against its manifest.");
        }
        catch (DeviceUnavailableException exception)
        {
            failure = new(Severity.Failure, "device", exception.Message, "Set Model:Device to cpu or auto, or bring the device and its libraries.");
        }
        catch (InferenceException exception) when (exception.OutOfMemory)
        {
            failure = new(
                Severity.Failure, "device", exception.Message,
                "Make room on it (`nvidia-smi` shows who has a GPU's memory), lower Batching:MaxPaddedTokens, or set Model:Device to auto or cpu.");
        }
        catch (Exception exception) when (exception is InferenceException or PlatformNotSupportedException)
        {
            failure = new(Severity.Failure, "model", exception.Message, "The package or the runtime is broken; `mtlstream model verify DIR` tells which.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            failure = new(Severity.Failure, "model", exception.Message, "See that the file is there, and that the user of the worker may read it.");
        }

        using (loaded)
        {
            if (failure is not null) yield return failure;
            if (failure is not null || loaded is null) yield break;
            var model = loaded.Model;
            yield return new(
                Severity.Ok, "model", $"{model.Identity.Name} {model.Identity.Version} in {loaded.Manifest.Folder}: {string.Join(", ", model.Tasks.Select(t => t.Name))}");
            var device = $"{model.Identity.Device}, {model.Workers} inference workers";
            yield return loaded.Fallback is { } reason
                ? new(Severity.Warning, "device", $"{device}, for no GPU serves: {reason}", "Set Model:Device to cpu where the CPU is meant; else bring what is missing, and set it to cuda to be sure.")
                : new(
                    Severity.Ok, "device", device,
                    settings.Model.ConstantLabels ? "Labels are constant, without a model. Set Model:ConstantLabels to false for real ones." : null);
        }
    }
}
