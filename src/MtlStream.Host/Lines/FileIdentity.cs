using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MtlStream.Host.Lines;

/// <summary>Which regular file an open descriptor stands for, by whatever name or link it was opened.</summary>
internal readonly partial record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode)
{
    // https://man7.org/linux/man-pages/man2/statx.2.html: the layout is the same on every machine.
    private const int EmptyPath = 0x1000;
    private const uint WantTypeAndInode = 0x101;
    private const int ModeAt = 28;
    private const int TypeOfMode = 0xF000;
    private const int RegularFile = 0x8000;
    private const int InodeAt = 32;
    private const int DeviceMajorAt = 136;
    private const int DeviceMinorAt = 140;
    private const int Size = 256;

    /// <returns>Null for terminals, pipes and devices, and where the system does not say.</returns>
    public static FileIdentity? Of(SafeFileHandle file)
    {
        var stat = new byte[Size];
        if (statx(file, "", EmptyPath, WantTypeAndInode, stat) != 0) return null;
        if ((BinaryPrimitives.ReadUInt16LittleEndian(stat.AsSpan(ModeAt)) & TypeOfMode) != RegularFile) return null;
        return new(
            BinaryPrimitives.ReadUInt32LittleEndian(stat.AsSpan(DeviceMajorAt)),
            BinaryPrimitives.ReadUInt32LittleEndian(stat.AsSpan(DeviceMinorAt)),
            BinaryPrimitives.ReadUInt64LittleEndian(stat.AsSpan(InodeAt)));
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle directory, string path, int flags, uint mask, byte[] stat);
}
