using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Controllers;

/// <summary>Something that acts on every write, after it, one write at a time.</summary>
internal interface IController
{
    void Observe(Change change);
}
