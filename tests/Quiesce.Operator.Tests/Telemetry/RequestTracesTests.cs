using System.Diagnostics;
using k8s.Models;
using Quiesce.Crds;
using Quiesce.Operator.Telemetry;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Tests.Telemetry;

/// <summary>One trace for each request, whoever began it.</summary>
public sealed class RequestTracesTests : IDisposable
{
    private const string Tools = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private readonly List<Activity> _ended = [];
    private readonly ActivityListener _listener;
    private readonly string _uid = Guid.NewGuid().ToString();

    public RequestTracesTests()
    {
        _listener = new()
        {
            ShouldListenTo = source => source.Name == OperatorActivity.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (_ended) _ended.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public void A_request_has_one_trace_from_its_first_sight_to_its_end_with_a_span_for_each_phase()
    {
        var traces = new RequestTraces();
        var context = traces.Of("FreezeRequest", Request(), isFinal: false, null);
        Assert.Equal(context, traces.Of("FreezeRequest", Request(), isFinal: false, null));
        Assert.Null(Activity.Current);
        traces.Phase(_uid, "Frozen", "AllFrozen", isFinal: false, isError: false);
        traces.Phase(_uid, "Broken", "DeviceWritten", isFinal: true, isError: true);
        var ended = Of(context.TraceId);
        Assert.Equal(["Pending", "Frozen", "FreezeRequest"], ended.Select(a => a.OperationName));
        Assert.All(ended[..2], phase => Assert.Equal(context.SpanId, phase.ParentSpanId));
        Assert.Equal((ActivityStatusCode.Error, "Broken", "DeviceWritten", _uid), (ended[2].Status, ended[2].GetTagItem("outcome"), ended[2].GetTagItem("reason"), ended[2].GetTagItem("quiesce.request.uid")));
        // What is done about it afterwards is in it still, until nothing is.
        Assert.Equal(context, traces.Of("FreezeRequest", Request(), isFinal: true, null));
        traces.Forget(_uid);
        Assert.Equal(default, traces.Of("FreezeRequest", Request(), isFinal: true, null));
    }

    [Fact]
    public void It_hangs_below_the_trace_of_the_tool_that_made_the_request()
    {
        var context = new RequestTraces().Of("FreezeRequest", Request(Tools), isFinal: false, null);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", context.TraceId.ToString());
        Assert.NotEqual("b7ad6b7169203331", context.SpanId.ToString());
    }

    [Fact]
    public void An_operator_that_takes_over_goes_on_with_the_trace_that_the_window_carries()
    {
        var context = new RequestTraces().Of("FreezeRequest", Request(), isFinal: false, Request(Tools));
        Assert.Equal(Tools, TraceParent.Write(context));
    }

    [Fact]
    public void What_is_no_trace_context_is_left_alone() =>
        Assert.NotEqual(default, new RequestTraces().Of("FreezeRequest", Request("nonsense"), isFinal: false, Request("00-0-0-00")).TraceId);

    [Fact]
    public void A_request_that_is_gone_before_it_ended_ends_its_span()
    {
        var traces = new RequestTraces();
        var context = traces.Of("FreezeRequest", Request(), isFinal: false, null);
        traces.Forget(_uid);
        Assert.Equal(["Pending", "FreezeRequest"], Of(context.TraceId).Select(a => a.OperationName));
    }

    private V1ObjectMeta Request(string? traceParent = null) => new()
    {
        Name = "nightly",
        NamespaceProperty = "shop",
        Uid = _uid,
        Annotations = traceParent is null ? null : new Dictionary<string, string> { [QuiesceApi.TraceParentAnnotation] = traceParent },
    };

    private Activity[] Of(ActivityTraceId trace)
    {
        lock (_ended) return [.. _ended.Where(a => a.TraceId == trace)];
    }
}
