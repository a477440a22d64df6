using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Quiesce.Cluster.Schema;

/// <summary>The <c>format</c>s of strings that are checked; kube-openapi's <c>strfmt</c>. An unknown format is not checked, as there.</summary>
internal static partial class StringFormats
{
    public static bool IsValid(string format, string text) => format switch
    {
        "date-time" or "datetime" => DateTimePattern().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "duration" => DurationPattern().IsMatch(text) || WordyDurationPattern().IsMatch(text),
        "uuid" => UuidPattern().IsMatch(text),
        "ipv4" => IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork && text.Split('.').Length == 4,
        "ipv6" => IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6,
        "cidr" => IPNetwork.TryParse(text, out _),
        "uri" => Uri.TryCreate(text, UriKind.RelativeOrAbsolute, out var uri) && (uri.IsAbsoluteUri || text.StartsWith('/')),
        "hostname" => text.Length <= 255 && Uri.CheckHostName(text) == UriHostNameType.Dns,
        "email" => System.Net.Mail.MailAddress.TryCreate(text, out _),
        "mac" => MacPattern().IsMatch(text),
        "byte" => Convert.TryFromBase64String(text, new byte[text.Length], out _),
        _ => true,
    };

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})\z", RegexOptions.CultureInvariant | RegexOptions.ECMAScript)]
    private static partial Regex DateTimePattern();

    /// <summary>Go's <c>time.ParseDuration</c>.</summary>
    [GeneratedRegex(@"^[+-]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex DurationPattern();

    /// <summary>What strfmt takes besides: a number and a word, such as <c>3 Minutes</c>.</summary>
    [GeneratedRegex(@"^\d+\s*(ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex WordyDurationPattern();

    [GeneratedRegex(@"^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex UuidPattern();

    [GeneratedRegex(@"^([0-9a-f]{2}[:-]){5}([0-9a-f]{2}[:-]){0,2}([0-9a-f]{2})\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex MacPattern();
}
