using System.Security.Cryptography;
using MtlStream.Host.Review;
using MtlStream.Learning.Promotion;
using MtlStream.Models;
using MtlStream.Tests.Models;
using MtlStream.Tests.Schemas;

namespace MtlStream.Tests.Learning;

public sealed class PromotionRecordTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-promotion").FullName;
    private readonly ToyPackage _package = new();

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _package.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_record_is_valid_and_checked_by_its_key_and_no_other_record_or_key_will_do(bool curve)
    {
        var (signing, checking, other) = curve ? Curves() : Secrets();
        using (signing) using (checking) using (other)
        {
            var manifest = ModelManifest.Load(_package.Folder);
            var path = PromotionRecord.Write(manifest, manifest, Passed(), DateTimeOffset.UnixEpoch, "anna", signing);

            Assert.Empty(SchemaFiles.Strict("promotion.v1").Problems(SchemaFiles.Parse(File.ReadAllBytes(path))));
            Assert.Null(PromotionRecord.Problem(manifest, checking));
            Assert.Contains("not that of this key", PromotionRecord.Problem(manifest, other), StringComparison.Ordinal);
            File.AppendAllText(path, " ");
            Assert.Contains("not that of this key", PromotionRecord.Problem(manifest, checking), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_record_of_other_files_or_of_a_refusal_is_none()
    {
        var (key, _, _) = Secrets();
        using (key)
        {
            var manifest = ModelManifest.Load(_package.Folder);
            Assert.Contains("there is no record", PromotionRecord.Problem(manifest, key), StringComparison.Ordinal);
            PromotionRecord.Write(manifest, manifest, Passed() with { Refusals = ["worse."] }, DateTimeOffset.UnixEpoch, "anna", key);
            Assert.Contains("was refused", PromotionRecord.Problem(manifest, key), StringComparison.Ordinal);
            PromotionRecord.Write(manifest, manifest, Passed(), DateTimeOffset.UnixEpoch, "anna", key);

            File.AppendAllText(Path.Combine(_package.Folder, ModelManifest.FileName), "\n");

            Assert.Contains("other files", PromotionRecord.Problem(manifest, key), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_link_is_pointed_elsewhere_and_nothing_else_is_overwritten()
    {
        var (one, two, link) = (Directory.CreateDirectory(Path.Combine(_folder, "1")).FullName, Directory.CreateDirectory(Path.Combine(_folder, "2")).FullName, Path.Combine(_folder, "current"));

        ServedLink.Point(link, one);
        ServedLink.Point(link, two);

        Assert.Equal("2", new DirectoryInfo(link).LinkTarget);
        Assert.Contains("expected a link", Assert.Throws<UsageException>(() => ServedLink.Point(one, two)).Message, StringComparison.Ordinal);
    }

    private static Comparison Passed() => new(
        new(), 3, [new("mood", true, 3, 0.5, 1, 2, 0, 0.25, 1, true, [new("good", 2, 0.5, 1, 1, 0, 1, true)])], []);

    private (RecordKey Signing, RecordKey Checking, RecordKey Other) Curves()
    {
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return (Key("a.pem", curve.ExportECPrivateKeyPem()), Key("a.pub", curve.ExportSubjectPublicKeyInfoPem()), Key("b.pub", other.ExportSubjectPublicKeyInfoPem()));
    }

    private (RecordKey Signing, RecordKey Checking, RecordKey Other) Secrets() =>
        (Key("a", "0123456789abcdef"), Key("a", "0123456789abcdef"), Key("b", "0123456789abcdeF"));

    private RecordKey Key(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return RecordKey.Read(path);
    }
}
