namespace MtlStream.Generation;

/// <summary>A model that writes texts about texts, and the tokenizer that belongs to it. Owns the model. Thread-safe.</summary>
internal sealed class TextGenerator(string name, GeneratorManifest manifest, ISequenceModel model, GeneratorTokenizer tokenizer, GenerationOptions options) : IDisposable
{
    private const int LeastRoom = 16; // tokens that any text may have

    /// <summary>What results call its texts.</summary>
    public string Name => name;

    public GeneratorManifest Manifest => manifest;
    public ISequenceModel Model => model;

    /// <summary>How many texts wait, at most, for others of their length.</summary>
    public int Window => 2 * options.MaxRows;

    private int Beams => options.Beams > 0 ? options.Beams : Math.Min(manifest.Rules.Beams, options.MaxRows);

    /// <summary>A running batch of its own for a worker.</summary>
    public RunningBatch NewBatch() => new(model, options.MaxRows, options.MaxTokensInFlight);

    /// <summary>What is to be done about a source. Alone it fits into a running batch: what is too long is cut.</summary>
    public TextJob JobOf(ReadOnlySpan<char> source)
    {
        var room = options.MaxTokensInFlight / Beams;
        var tokens = tokenizer.Encode(source, Math.Max(2, Math.Min(manifest.MaxSourceTokens, room / 2)), out var cut);
        var limit = (int)Math.Ceiling(tokens.Length * options.MaxLengthRatio) + LeastRoom;
        limit = Math.Min(Math.Min(limit, manifest.Rules.MaxTokens), Math.Max(1, room - tokens.Length));
        return new(tokens, cut, manifest.Rules, Beams, limit);
    }

    /// <summary>The text of a job that is over without a failure.</summary>
    public GeneratedText TextOf(TextJob job)
    {
        var found = job.Search.Found!;
        return new(name, tokenizer.Decode(found.Ids), found.Score, job.Truncated, manifest.Experimental);
    }

    /// <summary>Writes texts without a stream.</summary>
    /// <param name="stepped">Takes the rows of each step.</param>
    /// <returns>One job for each source, all of them over.</returns>
    public List<TextJob> Write(IEnumerable<string> sources, Action<int>? stepped = null)
    {
        var jobs = sources.Select(s => JobOf(s)).ToList();
        using var batch = NewBatch();
        var waiting = new List<TextJob>(jobs);
        while (waiting.Count > 0 || batch.Rows > 0)
        {
            var joining = new List<TextJob>();
            foreach (var job in batch.HasRoom ? RunningBatch.Order([.. waiting.Take(Window)], job => job.Source.Length) : [])
            {
                if (!batch.Fits(joining, job)) break;
                joining.Add(job);
            }

            waiting.RemoveAll(joining.Contains);
            batch.Join(joining);
            var rows = batch.Step();
            stepped?.Invoke(rows);
        }

        return jobs;
    }

    /// <summary>Has the model read and write a token. Throws when the device, not a text, is at fault.</summary>
    /// <exception cref="Models.InferenceException">The device is broken.</exception>
    public void Probe()
    {
        using var decoding = model.Begin([[manifest.Rules.Ends[0]]]);
        decoding.Read([manifest.Rules.Start]);
    }

    public void Dispose() => model.Dispose();
}
