namespace MtlStream.Events;

/// <summary>A rejection in the making.</summary>
internal readonly record struct Problem(RejectionReason Reason, string Message);
