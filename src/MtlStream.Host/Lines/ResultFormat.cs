using MtlStream.Events;

namespace MtlStream.Host.Lines;

/// <summary>How results are written. Called by one thread at a time.</summary>
internal abstract class ResultFormat
{
    /// <summary>Writes what stands before the first result.</summary>
    public virtual void Begin(Stream output)
    {
    }

    public abstract void Write(OutboundRecord result, Stream output);

    /// <summary>Writes what stands behind the last one. Not called for a run that failed.</summary>
    public virtual void End(Stream output)
    {
    }
}

/// <summary>One JSON document a line.</summary>
internal sealed class JsonLines : ResultFormat
{
    public override void Write(OutboundRecord result, Stream output)
    {
        output.Write(result.Payload!);
        output.WriteByte((byte)'\n');
    }
}
