using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace MtlStream.Http.Api;

/// <summary>Who may ask: other pages in a browser may not, and where there is a token, only who brings it.</summary>
internal sealed class AccessRules(HttpOptions options)
{
    private const string Scheme = "Bearer ";

    /// <summary>Why a request is not answered; null where it is.</summary>
    public Problem? Refusal(HttpRequest request, bool needsToken)
    {
        if (options.IsLoopback && !IsLoopbackName(request.Host.Host))
            return new(StatusCodes.Status421MisdirectedRequest, "Misdirected request", "The header Host names another machine; expected 127.0.0.1 or localhost, where Http:Url listens.");
        if (IsFromOtherPage(request))
            return Problem.Forbidden("The request comes from a page of another address; expected none, or one of this address.");
        if (needsToken && options.Token.Length > 0 && !HasToken(request))
            return new(StatusCodes.Status401Unauthorized, "Unauthorized", "The header Authorization is missing or wrong; expected Bearer and the value of Http:Token.");
        return null;
    }

    /// <summary>True for a request that brings the token that there is.</summary>
    public bool HasToken(HttpRequest request)
    {
        var given = request.Headers.Authorization.ToString();
        if (options.Token.Length == 0 || !given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        var (found, expected) = (Encoding.UTF8.GetBytes(given[Scheme.Length..].Trim()), Encoding.UTF8.GetBytes(options.Token));
        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(found), SHA256.HashData(expected));
    }

    // A name that leads here by a trick of DNS is not one of these.
    private static bool IsLoopbackName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static bool IsFromOtherPage(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var opensPage = request.Headers["Sec-Fetch-Mode"] == "navigate" && HttpMethods.IsGet(request.Method); // a link that leads here
        if (site is "cross-site" or "same-site" && !opensPage) return true;
        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !origin.Equals($"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }
}
