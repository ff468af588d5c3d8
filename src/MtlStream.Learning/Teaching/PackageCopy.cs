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

    private const long MoreBytes = 16 << 20; // heads, and what surrounds them

    private readonly ModelManifest _original;

    private PackageCopy(ModelManifest original, string folder) => (_original, Folder, Files) = (original, folder, [.. original.Checksums.Keys]);

    /// <summary>Where the copy is while it is edited.</summary>
    public string Folder { get; }

    /// <summary>The files that have a checksum, from the package's folder.</summary>
    public HashSet<string> Files { get; }

    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="UsageException">The folder is in use.</exception>
    /// <exception cref="IOException">It cannot be written; nothing is left behind.</exception>
    public static void Write(ModelManifest original, string folder, Action<PackageCopy> edit)
    {
        var target = CheckTarget(original, folder);
        var copy = new PackageCopy(original, PartOf(target));
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

    /// <summary>The full path of a folder that a package can be written to.</summary>
    /// <exception cref="UsageException">It is in use, or cannot be written.</exception>
    public static string CheckTarget(ModelManifest original, string folder)
    {
        var target = Path.GetFullPath(folder);
        if (IsWithin(target, original.Folder))
            throw new UsageException($"--out {target}: it is in the folder of the package that is read; expected a new folder beside it.");
        if (File.Exists(target)) throw new UsageException($"--out {target}: found a file, expected a new folder.");
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            throw new UsageException($"--out {target}: the folder is not empty; expected a new one.");
        CheckRoom(original, target);
        return target;
    }

    /// <summary>Whether a package as large as the old one and a bit more can be written there.</summary>
    private static void CheckRoom(ModelManifest original, string target)
    {
        var parent = Path.GetDirectoryName(target) ?? target;
        try
        {
            var trial = Directory.CreateDirectory(PartOf(target)).FullName;
            var free = new DriveInfo(trial).AvailableFreeSpace;
            Directory.Delete(trial);
            var needed = MoreBytes + Directory.EnumerateFiles(original.Folder, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);
            if (free < needed)
                throw new UsageException($"--out {target}: {free >> 20} MiB are free on its disk, expected {needed >> 20} MiB for the new package.");
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
        {
            throw new UsageException($"--out {target}: cannot write to {parent}: {exception.Message}", exception);
        }
    }

    private static string PartOf(string target) => target.TrimEnd(Path.DirectorySeparatorChar) + ".part";

    private static bool IsWithin(string path, string folder) =>
        (path + Path.DirectorySeparatorChar).StartsWith(Path.GetFullPath(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

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
        foreach (var file in Files)
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
