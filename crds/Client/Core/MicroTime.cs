using System.Globalization;

namespace Quiesce.Crds.Client;

/// <summary>
/// <c>metav1.MicroTime</c>: the API server reads it with exactly six digits after the second and refuses any other form
/// (<c>RFC3339Micro</c> in apimachinery's <c>micro_time.go</c>), which is why the client library's own converter will not do.
/// </summary>
public static class MicroTime
{
    /// <summary>A time in that form, in UTC.</summary>
    public static string Format(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
