namespace Quiesce.Crds.Tests;

public sealed class AnswerPauseTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 0)]
    [InlineData(2, 0.4, 0.8)]
    [InlineData(1_000, 200, 400)]
    [InlineData(2_500, 500, 1_000)]
    [InlineData(100_000, 500, 1_000)]
    public void It_is_within_its_bounds_for_any_number_of_nodes(int nodes, double least, double most)
    {
        var pauses = Enumerable.Range(0, 1_000).Select(_ => AnswerPause.Next(nodes).TotalMilliseconds).ToList();
        Assert.All(pauses, p => Assert.InRange(p, least, most));
    }

    [Fact]
    public void Nodes_do_not_answer_at_the_same_moment() =>
        Assert.True(Enumerable.Range(0, 1_000).Select(_ => (int)AnswerPause.Next(1_000).TotalMilliseconds / 50).Distinct().Count() == 4);
}
