using System.Security.Cryptography;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Http;

/// <summary>The rest of lists that were answered in part. A list goes on as it was when it began, until compaction takes it away.</summary>
internal sealed class ContinueTokens
{
    private const int Limit = 256;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Revision, IReadOnlyList<StoredObject> Remaining)> _lists = new(StringComparer.Ordinal);
    private readonly Queue<string> _oldestFirst = [];

    public string Keep(long revision, IReadOnlyList<StoredObject> rest)
    {
        var token = Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
        lock (_gate)
        {
            _lists.Add(token, (revision, rest));
            _oldestFirst.Enqueue(token);
            while (_oldestFirst.Count > Limit)
                _lists.Remove(_oldestFirst.Dequeue());
        }

        return token;
    }

    /// <exception cref="ApiError">410: the list is too old to go on.</exception>
    public (long Revision, IReadOnlyList<StoredObject> Remaining) Take(string token)
    {
        lock (_gate)
            return _lists.TryGetValue(token, out var list)
                ? list
                : throw ApiError.Expired("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.");
    }

    public void Forget()
    {
        lock (_gate)
        {
            _lists.Clear();
            _oldestFirst.Clear();
        }
    }
}
