using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MtlStream.Http.Api;

namespace MtlStream.Http.Live;

/// <summary><c>GET /v1/live</c>: server-sent events, <c>history</c> once and <c>now</c> every second.</summary>
internal sealed class LiveEndpoint(LiveFeed feed, TimeProvider time)
{
    private const int MostClients = 32;

    /// <summary>A line is sent at least so often: a connection that is broken is noticed by both ends.</summary>
    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(10);

    private int _clients;

    public async Task AnswerAsync(HttpContext context)
    {
        if (Interlocked.Increment(ref _clients) > MostClients)
        {
            Interlocked.Decrement(ref _clients);
            throw new ProblemException(Problem.Busy($"{MostClients} pages look already; expected fewer."));
        }

        var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("retry: 2000\n\n", ends.Token);
            await SendAsync(context.Response, "history", feed.History, ends.Token);
            while (true) await SendNextAsync(context.Response, ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // the page was closed, or the worker stops
        }
        finally
        {
            Interlocked.Decrement(ref _clients);
        }
    }

    private async Task SendNextAsync(HttpResponse response, CancellationToken ends)
    {
        var next = feed.NextAsync();
        try
        {
            await SendAsync(response, "now", await next.WaitAsync(s_beat, time, ends), ends);
        }
        catch (TimeoutException)
        {
            await response.WriteAsync(": nothing new\n\n", ends);
        }
    }

    private static async Task SendAsync(HttpResponse response, string name, byte[] json, CancellationToken ends)
    {
        await response.Body.WriteAsync(Encoding.ASCII.GetBytes($"event: {name}\ndata: "), ends);
        await response.Body.WriteAsync(json, ends);
        await response.Body.WriteAsync("\n\n"u8.ToArray(), ends);
        await response.Body.FlushAsync(ends);
    }
}
