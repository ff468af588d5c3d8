using MtlStream.Host.Worker;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Onnx;
using MtlStream.Onnx.Generation;
using MtlStream.Serving;

namespace MtlStream.Host.Configuration;

/// <summary>What shows of settings and packages together before a model is loaded.</summary>
internal static class ModelSettings
{
    /// <summary>Checks the manifests, and the tasks, limits, files and shadow model that the settings name.</summary>
    /// <exception cref="UsageException">Something does not fit; one message names everything.</exception>
    public static void Check(ServingOptions settings)
    {
        var manifest = Usable(() => ModelLoader.Find(settings.Model));
        var errors = new List<string>();
        if (settings.Model.Device != "auto" && !settings.Model.ConstantLabels) Collect(() => manifest.GraphFor(settings.Model.Device));
        if (settings.Watch.Share > 0)
        {
            var tasks = manifest.Select(settings.Model.Tasks, settings.Model.OnRequest).Select(t => t.Task).ToList();
            Collect(() => DriftMonitor.CheckLimits(settings.Watch, tasks));
            Collect(() => DriftMonitor.ReferenceOf(settings.Watch, manifest.Reference, tasks));
            Collect(() => DriftMonitor.CheckSave(settings.Watch));
        }

        var generation = GeneratorLoader.WithOwn(settings.Generation, settings.Model.Generate, manifest.Folder);
        Collect(() => GeneratorLoader.Check(generation, settings.Model.Generate, [.. manifest.Tasks.Select(t => t.Task.Name)]));
        if (settings.Model.Shadow.Length > 0)
        {
            Collect(() => CheckShadow(
                Usable(() => ModelLoader.Find(settings.Model.Shadow).WithEveryChecksum(), "Model:Shadow: "), Usable(manifest.WithEveryChecksum)));
        }

        if (errors.Count > 0) throw new UsageException(string.Join(Environment.NewLine + "  ", errors));

        void Collect(Action check)
        {
            try
            {
                check();
            }
            catch (Exception exception) when (exception is InvalidDataException or UsageException)
            {
                errors.Add(exception.Message);
            }
        }
    }

    /// <param name="shadow">With every checksum, like <paramref name="serving"/>.</param>
    /// <exception cref="InvalidDataException">The two do not turn every text into the same tokens.</exception>
    public static void CheckShadow(ModelManifest shadow, ModelManifest serving)
    {
        if (ModelReload.SameTokenizer(shadow, serving)) return;
        throw new InvalidDataException(
            $"Model:Shadow: {shadow.Name} {shadow.Version} has another tokenizer than {serving.Name} {serving.Version}, which serves; it would score other tokens.");
    }

    private static ModelManifest Usable(Func<ModelManifest> find, string at = "")
    {
        try
        {
            return find();
        }
        catch (Exception exception) when (exception is InvalidDataException or UsageException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException(at + exception.Message, exception);
        }
    }
}
