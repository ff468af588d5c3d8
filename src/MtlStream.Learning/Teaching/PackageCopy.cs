using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Models;

namespace MtlStream.Learning.Teaching;

/// <summary>A package that becomes another one beside it, which itself is left untouched.</summary>
/// <remarks>The new folder appears whole or not at all: it is written under another name, and renamed.</remarks>
internal sealed class PackageCopy
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ModelManifest _original;

    private PackageCopy(ModelManifest original, string folder) => (_original, Folder) = (original, folder);

    /// <summary>Where the copy is while it is edited.</summary>
    public string Folder { get; }

    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="UsageException">The folder is in use.</exception>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void Write(ModelManifest original, string folder, Action<PackageCopy> edit)
    {
        var target = Path.GetFullPath(folder);
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            throw new UsageException($"--out {target}: the folder is not empty; expected a new one.");
        var copy = new PackageCopy(original, target.TrimEnd(Path.DirectorySeparatorChar) + ".part");
        try
        {
            copy.CopyFiles();
            edit(copy);
            if (Directory.Exists(target)) Directory.Delete(target);
            Directory.Move(copy.Folder, target);
        }
        catch
        {
            if (Directory.Exists(copy.Folder)) Directory.Delete(copy.Folder, recursive: true);
            throw;
        }
    }

    /// <summary>The old version with what was done behind it: 1.5.1 becomes 1.5.1+refund, which sorts behind it.</summary>
    public static string NextVersion(string version, string done) => version.Contains('+', StringComparison.Ordinal) ? $"{version}.{done}" : $"{version}+{done}";

    /// <summary>The copy of a file of the original.</summary>
    public string PathOf(string original) => Path.Combine(Folder, Path.GetRelativePath(_original.Folder, original));

    /// <summary>Edits each text of the golden outputs, where there are any.</summary>
    public void EditGolden(Action<JsonNode> edit)
    {
        if (_original.Golden is null) return;
        var path = PathOf(_original.Golden);
        var golden = JsonNode.Parse(File.ReadAllText(path))!;
        foreach (var text in golden["texts"]!.AsArray()) edit(text!);
        File.WriteAllText(path, golden.ToJsonString(s_line) + "\n");
    }

    /// <summary>Edits the manifest and makes its checksums anew; comes last.</summary>
    public void EditManifest(Action<JsonObject> edit)
    {
        var path = Path.Combine(Folder, ModelManifest.FileName);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(json);
        var checksums = new JsonObject();
        foreach (var file in _original.Checksums.Keys)
            checksums[file] = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Folder, file))));
        json["checksums"] = checksums;
        File.WriteAllText(path, json.ToJsonString(s_indented) + "\n");
    }

    private void CopyFiles()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
        foreach (var file in Directory.EnumerateFiles(_original.Folder, "*", SearchOption.AllDirectories))
        {
            var copy = PathOf(file);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
