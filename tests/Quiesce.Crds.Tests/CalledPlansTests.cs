using System.Globalization;
using System.Text.Json;
using k8s.Models;

namespace Quiesce.Crds.Tests;

/// <summary>The plans in a window that calls many nodes, and what an agent makes of them.</summary>
public sealed class CalledPlansTests
{
    private const string WindowUid = "2b6c4a52-9f0e-4c11-8d8a-5a4f2c1f0001";

    private static NodeFreezeSpec Plan(string node, params string[] paths) =>
        new() { NodeName = node, Request = new() { Namespace = "shop", Name = "nightly", Uid = "u" }, Window = "called", Paths = paths, FreezeTimeoutSeconds = 25, UnsupportedFilesystems = UnsupportedFilesystems.Fail };

    private static FreezeWindow Window(string? plans, string? places = null)
    {
        var annotations = new Dictionary<string, string>();
        if (plans is not null) annotations[QuiesceApi.PlansAnnotation] = plans;
        if (places is not null) annotations[QuiesceApi.PlacesAnnotation] = places;
        return new()
        {
            Metadata = new V1ObjectMeta { Name = InternalNames.CalledWindow, NamespaceProperty = "quiesce-system", Uid = WindowUid, Annotations = annotations },
            Spec = new() { Request = new() { Namespace = "shop", Name = "nightly", Uid = "u" }, DeadlineSeconds = 30, Nodes = 2 },
        };
    }

    [Fact]
    public void Each_node_finds_its_plan_and_one_that_is_not_called_finds_none()
    {
        var text = CalledPlans.Write([Plan("a", "/srv"), Plan("b", "/srv"), Plan("c", "/data", "/srv")]);
        var window = Window(text, """{"b":3}""");
        var a = CalledPlans.Of(window, "a")!;
        Assert.Equal(Serialize(Plan("a", "/srv")), Serialize(a.Spec));
        Assert.Equal(("a-0", "quiesce-system", "u", WindowUid, InternalNames.PlanId(WindowUid, "a")), (a.Metadata.Name, a.Metadata.NamespaceProperty, a.Metadata.Labels[QuiesceApi.RequestUidLabel], a.WindowUid, a.PlanId));
        Assert.Equal("b-3", CalledPlans.Of(window, "b")!.Metadata.Name);
        Assert.Equal(["/data", "/srv"], CalledPlans.Of(window, "c")!.Spec.Paths);
        Assert.Null(CalledPlans.Of(window, "d"));
        Assert.Equal(["a", "b", "c"], CalledPlans.NodesOf(window).Order());
        Assert.Equal(2, JsonSerializer.Deserialize(PackedText.Unpack(text!), CrdsJson.Default.CalledPlans)!.Plans.Count);
        static string Serialize(NodeFreezeSpec spec) => JsonSerializer.Serialize(spec, CrdsJson.Default.NodeFreezeSpec);
    }

    [Fact]
    public void Thousands_of_nodes_fit_into_a_window_and_what_does_not_is_not_written()
    {
        var many = CalledPlans.Write(Enumerable.Range(0, 5_000).Select(i => Plan(string.Create(CultureInfo.InvariantCulture, $"ip-10-{i / 250}-{i % 250}-17.eu-central-1.compute.internal"), "/srv/orders")));
        Assert.InRange(many!.Length, 1, CalledPlans.Longest);
        Assert.NotNull(CalledPlans.Of(Window(many), "ip-10-19-249-17.eu-central-1.compute.internal"));
        var random = new Random(1);
        Assert.Null(CalledPlans.Write(Enumerable.Range(0, 2_000).Select(i => Plan(string.Create(CultureInfo.InvariantCulture, $"n{i}"), "/" + Convert.ToHexString(Enumerable.Range(0, 200).Select(_ => (byte)random.Next(256)).ToArray())))));
    }

    [Fact]
    public void What_would_unpack_to_more_than_any_plan_calls_nobody()
    {
        Assert.Equal("{}", PackedText.Unpack(PackedText.Pack("{}")));
        var spaces = new string(' ', 2_000) + "{}";
        Assert.Equal(spaces, PackedText.Unpack(PackedText.Pack(spaces)));
        Assert.Throws<InvalidDataException>(() => PackedText.Unpack(PackedText.Pack(new string(' ', 17 * 1024 * 1024))));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("gzip:")]
    [InlineData("gzip:!!")]
    [InlineData("gzip:AAAA")]
    [InlineData("""{"plans":[],"nodes":{"a":0}}""")]
    [InlineData("""{"plans":null,"nodes":{"a":-1}}""")]
    [InlineData("""{"nodes":null}""")]
    public void What_is_damaged_calls_nobody(string? plans) => Assert.Null(CalledPlans.Of(Window(plans), "a"));

    [Fact]
    public void The_plan_is_known_by_its_window_and_node_whoever_made_the_object_and_else_by_its_uid()
    {
        var id = InternalNames.PlanId(WindowUid, "a");
        Assert.True(Guid.TryParseExact(id, "D", out _));
        Assert.NotEqual(id, InternalNames.PlanId(WindowUid, "b"));
        Assert.Equal(id, new NodeFreeze { Metadata = new() { Uid = "uid", Annotations = new Dictionary<string, string> { [QuiesceApi.PlanIdAnnotation] = id } } }.PlanId);
        Assert.Equal("uid", new NodeFreeze { Metadata = new() { Uid = "uid" } }.PlanId);
        // It becomes the name of a file.
        Assert.Equal("uid", new NodeFreeze { Metadata = new() { Uid = "uid", Annotations = new Dictionary<string, string> { [QuiesceApi.PlanIdAnnotation] = "../../etc" } } }.PlanId);
    }

    [Fact]
    public void The_first_report_counts_until_there_is_a_status()
    {
        var first = JsonSerializer.Serialize(new NodeFreezeStatus { Phase = NodeFreezePhase.Prepared, AgentInstance = "i" }, CrdsJson.Default.NodeFreezeStatus);
        var plan = new NodeFreeze { Metadata = new() { Annotations = new Dictionary<string, string> { [QuiesceApi.ReportAnnotation] = first } } };
        Assert.Equal((NodeFreezePhase.Prepared, "i"), (plan.Report!.Phase, plan.Report.AgentInstance));
        Assert.Null(plan.Status);
        Assert.Equal(NodeFreezePhase.Frozen, (plan with { Status = new() { Phase = NodeFreezePhase.Frozen } }).Report!.Phase);
        Assert.Null(new NodeFreeze { Metadata = new() { Annotations = new Dictionary<string, string> { [QuiesceApi.ReportAnnotation] = "{" } } }.Report);
        Assert.Null(new NodeFreeze().Report);
        Assert.DoesNotContain("report\"", JsonSerializer.Serialize(plan with { Metadata = new() }, CrdsJson.Default.NodeFreeze), StringComparison.OrdinalIgnoreCase);
    }
}
