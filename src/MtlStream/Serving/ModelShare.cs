using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Serving;

/// <summary>One model for a stream and for requests beside it, with a face for each. Each face is thread-safe per worker.</summary>
/// <remarks>
/// Requests go ahead of the stream between two batches as long as they have credit: a share of the model's time, of which a second
/// can be saved up. Without credit they wait until the stream leaves the model free.
/// </remarks>
public sealed class ModelShare
{
    /// <summary>Credit comes with time alone, and nobody tells of it.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(2);

    /// <summary>Between two batches a stream has shorter pauses than this: they are no room that it leaves.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    private readonly IMultitaskModel _model;
    private readonly TimeProvider _time;
    private readonly double _perSecond; // seconds of a worker that requests may take in a second
    private readonly object _gate = new(); // no Lock, which cannot be waited on
    private readonly bool[] _busy; // by worker
    private double _credit;
    private double _taken;
    private long _creditAt;
    private long _streamAt; // when the stream's last call ended
    private int _streamCalls; // that run or wait
    private int _requestsWaiting;

    /// <param name="model">Not owned.</param>
    /// <param name="share">From 0 to 1.</param>
    public ModelShare(IMultitaskModel model, double share, TimeProvider time)
    {
        _model = model;
        _time = time;
        _busy = new bool[model.Workers];
        _perSecond = share * model.Workers;
        _credit = _perSecond;
        _creditAt = time.GetTimestamp();
        _streamAt = _creditAt - time.TimestampFrequency; // long ago
        Stream = new StreamFace(this);
        Requests = new RequestFace(this);
    }

    /// <summary>The model as the stream sees it. Disposing it does nothing.</summary>
    public IMultitaskModel Stream { get; }

    /// <summary>The model as requests see it. Disposing it does nothing.</summary>
    public IMultitaskModel Requests { get; }

    /// <summary>Seconds of a worker that requests took so far.</summary>
    public double SecondsTaken => Volatile.Read(ref _taken);

    /// <summary>Calls of the stream that run or wait, and calls of requests that wait.</summary>
    internal (int Stream, int Requests) Calls
    {
        get
        {
            lock (_gate) return (_streamCalls, _requestsWaiting);
        }
    }

    private void TakeForStream(int worker)
    {
        lock (_gate)
        {
            _streamCalls++;
            while (_busy[worker] || (_requestsWaiting > 0 && HasCredit())) Monitor.Wait(_gate, s_look);
            _busy[worker] = true;
        }
    }

    private void GiveBackByStream(int worker)
    {
        lock (_gate)
        {
            _streamCalls--;
            _streamAt = _time.GetTimestamp();
            GiveBack(worker);
        }
    }

    private int TakeForRequest()
    {
        lock (_gate)
        {
            _requestsWaiting++;
            try
            {
                while (true)
                {
                    var free = Array.IndexOf(_busy, false);
                    if (free >= 0 && (HasCredit() || StreamIsIdle()))
                    {
                        _busy[free] = true;
                        return free;
                    }

                    Monitor.Wait(_gate, s_look);
                }
            }
            finally
            {
                _requestsWaiting--;
                Monitor.PulseAll(_gate); // the stream's other workers may go on
            }
        }
    }

    private void GiveBackByRequest(int worker, long since)
    {
        lock (_gate)
        {
            HasCredit();
            var seconds = _time.GetElapsedTime(since).TotalSeconds;
            _credit -= seconds;
            _taken += seconds;
            GiveBack(worker);
        }
    }

    private void GiveBack(int worker)
    {
        _busy[worker] = false;
        Monitor.PulseAll(_gate);
    }

    private bool StreamIsIdle() => _streamCalls == 0 && _time.GetElapsedTime(_streamAt) > s_pause;

    private bool HasCredit()
    {
        var now = _time.GetTimestamp();
        _credit = Math.Min(_perSecond, _credit + (_perSecond * _time.GetElapsedTime(_creditAt, now).TotalSeconds));
        _creditAt = now;
        return _credit > 0;
    }

    private abstract class Face(IMultitaskModel model) : IMultitaskModel
    {
        public ModelIdentity Identity => model.Identity;
        public IReadOnlyList<ModelTask> Tasks => model.Tasks;
        public BatchShape Shape => model.Shape;
        public int Workers => model.Workers;

        public abstract Predictions Predict(TokenBatch batch, int worker);

        public abstract void Probe(int worker);

        public void Dispose()
        {
        }
    }

    private sealed class StreamFace(ModelShare share) : Face(share._model)
    {
        public override Predictions Predict(TokenBatch batch, int worker)
        {
            share.TakeForStream(worker);
            try
            {
                return share._model.Predict(batch, worker);
            }
            finally
            {
                share.GiveBackByStream(worker);
            }
        }

        public override void Probe(int worker)
        {
            share.TakeForStream(worker);
            try
            {
                share._model.Probe(worker);
            }
            finally
            {
                share.GiveBackByStream(worker);
            }
        }
    }

    private sealed class RequestFace(ModelShare share) : Face(share._model)
    {
        // Whichever worker of the model is free: the number is that of the caller.
        public override Predictions Predict(TokenBatch batch, int worker)
        {
            var free = share.TakeForRequest();
            var since = share._time.GetTimestamp();
            try
            {
                return share._model.Predict(batch, free);
            }
            finally
            {
                share.GiveBackByRequest(free, since);
            }
        }

        public override void Probe(int worker)
        {
            var free = share.TakeForRequest();
            var since = share._time.GetTimestamp();
            try
            {
                share._model.Probe(free);
            }
            finally
            {
                share.GiveBackByRequest(free, since);
            }
        }
    }
}
