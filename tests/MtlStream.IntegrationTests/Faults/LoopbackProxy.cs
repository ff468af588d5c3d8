using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Net;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>Stands between clients and one broker, and can be cut: connections closed and refused, or left hanging.</summary>
internal sealed class LoopbackProxy : IDisposable
{
    private readonly TcpListener _listener;
    private readonly int _target;
    private readonly ConcurrentDictionary<TcpClient, byte> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private volatile bool _refusing;
    private volatile TaskCompletionSource? _hanging;

    public LoopbackProxy(int port, int target)
    {
        _target = target;
        _listener = new(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Closes every connection and takes no new ones.</summary>
    public void Refuse()
    {
        _refusing = true;
        foreach (var connection in _connections.Keys) connection.Close();
    }

    /// <summary>Keeps the connections open but lets nothing through, as a network that swallows packets does.</summary>
    public void Hang() => _hanging ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Restore()
    {
        _refusing = false;
        _hanging?.TrySetResult();
        _hanging = null;
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _listener.Stop();
        Refuse();
        Restore();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                _ = ForwardAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // one client less, or the end
            }
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using var broker = new TcpClient();
        using (client)
        {
            try
            {
                if (_refusing) return;
                _connections[client] = 0;
                await broker.ConnectAsync(IPAddress.Loopback, _target, _stopping.Token);
                client.NoDelay = broker.NoDelay = true;
                await Task.WhenAny(PumpAsync(client.GetStream(), broker.GetStream()), PumpAsync(broker.GetStream(), client.GetStream()));
            }
            catch (Exception exception) when (exception is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                // the connection is gone
            }
            finally
            {
                _connections.TryRemove(client, out _);
            }
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int read;
            while ((read = await from.ReadAsync(buffer, _stopping.Token)) > 0)
            {
                if (_hanging is { } hanging) await hanging.Task.WaitAsync(_stopping.Token);
                await to.WriteAsync(buffer.AsMemory(0, read), _stopping.Token);
            }
        }
        catch (Exception exception) when (exception is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // the other direction ends with this one
        }
    }
}
