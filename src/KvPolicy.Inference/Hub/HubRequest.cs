using System.Net.Http.Headers;

namespace KvPolicy.Inference.Hub;

/// <summary>A request to the hub.</summary>
/// <param name="Method">GET or HEAD.</param>
/// <param name="Path">Path below the endpoint, escaped.</param>
/// <param name="From">First byte that is wanted.</param>
/// <param name="Same">The rest is wanted only of what had this tag; else the whole.</param>
internal sealed record HubRequest(HttpMethod Method, string Path, long From = 0, EntityTagHeaderValue? Same = null)
{
    internal HttpRequestMessage ToMessage(Uri target)
    {
        var message = new HttpRequestMessage(Method, target);
        if (From == 0) return message;
        message.Headers.Range = new RangeHeaderValue(From, null);
        if (Same is not null) message.Headers.IfRange = new RangeConditionHeaderValue(Same);
        return message;
    }

    /// <summary>A path or a branch as a part of an address; its slashes stay where they part folders.</summary>
    internal static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
