using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Serving;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Diagnostics;

public sealed class ModelReloadTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly MeterRecorder _meters = new();
    private readonly List<string> _swapped = [];

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public void A_new_version_is_put_to_work_and_the_one_before_goes()
    {
        var (swap, reload) = Start();
        using (swap)
        {
            Assert.False(reload.Look()); // nothing new

            _package.Edit(m => m["version"] = "2.0.0");

            Assert.True(reload.Look());
            Assert.Equal("2.0.0", swap.Identity.Version);
            using var predictions = swap.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6)), 1);
            Assert.Equal("2.0.0", predictions.Model!.Version);
            Assert.Equal(["2.0.0"], _swapped);
            Assert.Equal(1, Outcomes("swapped"));
        }
    }

    [Fact]
    public void The_folders_version_serves_again_when_another_one_came_to_serve_by_another_way()
    {
        var (swap, reload) = Start();
        using (swap)
        {
            var before = swap.Identity.Version;
            var promoted = _package.Manifest() with { Version = "2.0.0" };
            Assert.True(swap.TrySwap(Load(promoted), out _));
            reload.Serves(promoted);
            Assert.False(reload.Look()); // the folder is as it was

            Assert.True(reload.LookAgain());

            Assert.Equal(before, swap.Identity.Version);
        }
    }

    [Fact]
    public void A_version_with_other_tasks_and_labels_is_put_to_work_and_the_log_says_what_changed()
    {
        var log = new FakeLogger();
        var (swap, reload) = Start(logger: log);
        using (swap)
        {
            _package.Edit(m =>
            {
                m["version"] = "2.0.0";
                m["tasks"]![0]!["labels"]![0] = "renamed";
                m["tasks"]![1]!["name"] = "refund";
                m["tasks"]!.AsArray().RemoveAt(3);
            });

            Assert.True(reload.Look());

            using var predictions = swap.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6)), 0);
            Assert.Equal(["mood", "refund", "tags"], predictions.Tasks.Select(t => t.Name));
            Assert.Equal("renamed", predictions.Tasks[0].Labels[0]);
            Assert.Contains(log.Collector.GetSnapshot(), l => l.Message.Contains("mood with other labels; refund added; traits removed; names removed", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Whatever_keeps_a_package_from_loading_it_is_refused_and_the_next_one_is_looked_at()
    {
        var fails = true;
        var (swap, reload) = Start(load: m => fails ? throw new NotSupportedException("no such device") : Load(m));
        using (swap)
        {
            _package.Edit(m => m["version"] = "2.0.0");
            Assert.False(reload.Look());
            Assert.Equal(("1.0.0", 1), (swap.Identity.Version, Outcomes("refused")));

            fails = false;
            _package.Edit(m => m["version"] = "3.0.0");
            Assert.True(reload.Look());
        }
    }

    [Fact]
    public void A_version_that_comes_while_the_one_before_is_loaded_is_noticed()
    {
        var seen = ModelReload.Signature(_package.Folder);
        var (swap, _) = Start();
        _package.Edit(m => m["version"] = "2.0.0"); // between reading the package and the first look
        var reload = new ModelReload(
            swap, _package.Folder, Load, _ => { }, ModelManifest.Load(_package.Folder) with { Version = "1.0.0" }, seen, TimeSpan.FromSeconds(1), new(_meters),
            TimeProvider.System, NullLogger.Instance);
        using (swap)
        {
            Assert.True(reload.Look());
            Assert.Equal("2.0.0", swap.Identity.Version);
        }
    }

    [Fact]
    public void A_package_that_fails_verification_is_refused_until_it_is_whole()
    {
        var (swap, reload) = Start();
        using (swap)
        {
            var whole = File.ReadAllBytes(_package.At("weights.bin"));
            _package.Edit(m => m["version"] = "2.0.0");
            File.WriteAllBytes(_package.At("weights.bin"), whole[..^100]);

            Assert.False(reload.Look());
            Assert.False(reload.Look()); // nothing changed since: it is not tried again and again
            Assert.Equal(("1.0.0", 1), (swap.Identity.Version, Outcomes("refused")));

            File.WriteAllBytes(_package.At("weights.bin"), whole);
            Assert.True(reload.Look());
            Assert.Equal("2.0.0", swap.Identity.Version);
        }
    }

    [Fact]
    public void The_same_files_written_again_are_nothing_new()
    {
        var (swap, reload) = Start();
        using (swap)
        {
            foreach (var file in Directory.GetFiles(_package.Folder)) File.WriteAllBytes(file, File.ReadAllBytes(file));
            Assert.False(reload.Look());
            Assert.Equal((0, 0), (Outcomes("swapped"), Outcomes("refused")));

            File.AppendAllText(_package.At("weights.bin"), "x"); // which the manifest does not say
            Assert.False(reload.Look());
            Assert.Equal(1, Outcomes("refused"));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_checksums_packages_are_compared_by_their_files(bool otherVocabulary)
    {
        _package.Edit(m => m["checksums"] = new JsonObject());
        var (swap, reload) = Start();
        using (swap)
        {
            File.WriteAllBytes(_package.At("weights.bin"), File.ReadAllBytes(_package.At("weights.bin")));
            Assert.False(reload.Look());
            Assert.Equal((0, 0), (Outcomes("swapped"), Outcomes("refused")));

            if (otherVocabulary) File.WriteAllText(_package.At("vocab.txt"), File.ReadAllText(_package.At("vocab.txt")).Replace("anna", "emma", StringComparison.Ordinal));
            _package.Edit(m => m["version"] = "2.0.0");

            Assert.Equal(!otherVocabulary, reload.Look());
            Assert.Equal(otherVocabulary ? 1 : 0, Outcomes("refused"));
        }
    }

    [Theory]
    [InlineData("version")]
    [InlineData("thresholds")]
    [InlineData("tokenizer")]
    [InlineData("json")]
    public void What_cannot_stand_in_is_refused_and_the_version_that_serves_stays(string what)
    {
        var (swap, reload) = Start();
        using (swap)
        {
            if (what == "json") File.WriteAllText(_package.At("model.json"), "{");
            else _package.Edit(m => Spoil(m, what));

            Assert.False(reload.Look());
            Assert.Equal(("1.0.0", 1), (swap.Identity.Version, Outcomes("refused")));
            swap.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6)), 0).Dispose();
        }
    }

    [Fact]
    public void A_link_that_points_to_another_package_brings_its_version_and_pointing_it_back_rolls_back()
    {
        using var next = new ToyPackage().Edit(m => m["version"] = "2.0.0");
        var link = _package.Folder + "-current";
        Directory.CreateSymbolicLink(link, _package.Folder);
        var (swap, reload) = Start(link);
        using (swap)
        {
            PointTo(next.Folder);
            Assert.True(reload.Look());
            Assert.Equal("2.0.0", swap.Identity.Version);

            PointTo(_package.Folder);
            Assert.True(reload.Look());
            Assert.Equal("1.0.0", swap.Identity.Version);
        }

        Directory.Delete(link);

        void PointTo(string folder)
        {
            Directory.Delete(link);
            Directory.CreateSymbolicLink(link, folder);
        }
    }

    [Fact]
    public void A_version_that_serves_does_not_care_what_happens_to_the_folder()
    {
        var (swap, reload) = Start();
        using (swap)
        {
            foreach (var file in Directory.GetFiles(_package.Folder)) File.WriteAllBytes(file, new byte[8192]);

            Assert.False(reload.Look());
            using var predictions = swap.Predict(ToyPackage.Batch(ToyPackage.Sequence(5, 6)), 0);
            Assert.Equal(1, predictions.Of(0, 0).Floats().ToArray().Sum(), 1e-5);
        }
    }

    private int Outcomes(string outcome) =>
        (int)_meters.Of("mtlstream.model.reloads").Where(t => Equals(t.Tags["mtlstream.reload.outcome"], outcome)).Sum(t => t.Value);

    private static void Spoil(JsonObject manifest, string what)
    {
        if (what is not ("version" or "thresholds")) manifest["version"] = "2.0.0";
        if (what == "thresholds") manifest["tasks"]![0]!["threshold"] = 0.9;
        if (what == "version") manifest["comment"] = "other files, same version";
        if (what == "tokenizer") manifest["tokenizer"]!["lowercase"] = false;
    }

    private (ModelSwap Swap, ModelReload Reload) Start(string? folder = null, Func<ModelManifest, IMultitaskModel>? load = null, ILogger? logger = null)
    {
        folder ??= _package.Folder;
        ModelManifest manifest;
        ModelSwap swap;
        using (var copy = PackageCopy.Of(folder))
        {
            manifest = ModelManifest.Load(copy.Folder).WithEveryChecksum();
            swap = new(Load(manifest));
        }

        return (swap, new(
            swap, folder, load ?? Load, m => _swapped.Add(m.Version), manifest, ModelReload.Signature(folder), TimeSpan.FromSeconds(1),
            new(_meters), TimeProvider.System, logger ?? NullLogger.Instance));
    }

    private static OnnxMultitaskModel Load(ModelManifest manifest) =>
        OnnxMultitaskModel.Load(manifest, new() { Device = "cpu", Lanes = 2 }, NullLogger.Instance);
}
