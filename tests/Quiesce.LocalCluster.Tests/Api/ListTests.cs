namespace Quiesce.Cluster.Tests.Api;

public sealed class ListTests(SharedServer shared) : ApiTests(shared)
{
    [Fact]
    public async Task A_list_is_sorted_by_name_and_carries_a_version_to_watch_from()
    {
        await CreateWidgetAsync("b");
        await CreateWidgetAsync("a");
        await CreateWidgetAsync("c.d");

        var list = (await GetAsync(Widgets)).Body;

        Assert.Equal("WidgetList", list["kind"]!.GetValue<string>());
        Assert.Equal("tests.quiesce.dev/v1", list["apiVersion"]!.GetValue<string>());
        Assert.Equal(["a", "b", "c.d"], list.Names());
        Assert.Equal("Widget", list["items"]![0]!["kind"]!.GetValue<string>());
        Assert.True(ulong.TryParse(list.Version(), out _));
    }

    [Fact]
    public async Task A_list_of_all_namespaces_has_this_one_too()
    {
        await CreateWidgetAsync($"unique-{Namespace}");

        Assert.Contains($"unique-{Namespace}", (await GetAsync($"{Group}/widgets")).Body.Names());
    }

    [Theory]
    [InlineData("app=web", "a b")]
    [InlineData("app==web,tier=front", "a")]
    [InlineData("app!=web", "c d")]
    [InlineData("app in (web, db)", "a b c")]
    [InlineData("app notin (web)", "c d")]
    [InlineData("tier", "a b")]
    [InlineData("!tier", "c d")]
    [InlineData("app in (web),tier notin (front)", "b")]
    [InlineData("weight>2", "c")]
    [InlineData("weight<2", "b")]
    [InlineData("empty=", "d")]
    [InlineData("example.com/x=y", "a")]
    [InlineData("", "a b c d")]
    public async Task Label_selectors_select(string selector, string names)
    {
        await CreateWidgetAsync("a", metadata: """ "labels": {"app": "web", "tier": "front", "example.com/x": "y"},""");
        await CreateWidgetAsync("b", metadata: """ "labels": {"app": "web", "tier": "back", "weight": "1"},""");
        await CreateWidgetAsync("c", metadata: """ "labels": {"app": "db", "weight": "3"},""");
        await CreateWidgetAsync("d", metadata: """ "labels": {"empty": ""},""");

        var list = await GetAsync($"{Widgets}?labelSelector={Uri.EscapeDataString(selector)}");

        Assert.Equal(names.Split(' '), list.Body.Names());
    }

    [Theory]
    [InlineData("app in web")]
    [InlineData("a=b,,c=d")]
    [InlineData("=b")]
    public async Task A_label_selector_that_cannot_be_read_is_a_bad_request(string selector)
    {
        var answer = await GetAsync($"{Widgets}?labelSelector={Uri.EscapeDataString(selector)}");

        Assert.Equal(400, answer.Code);
        Assert.Equal("BadRequest", answer.Reason);
    }

    [Theory]
    [InlineData("metadata.name=b", "b")]
    [InlineData("metadata.name!=b", "a c")]
    [InlineData("spec.nodeName=node-1", "a b")]
    [InlineData("spec.nodeName==node-1,metadata.name!=a", "b")]
    [InlineData("spec.nodeName=", "c")]
    [InlineData("spec.size=3", "c")]
    public async Task Field_selectors_select_by_name_and_by_what_the_CRD_makes_selectable(string selector, string names)
    {
        await CreateWidgetAsync("a", """{"size": 1, "nodeName": "node-1"}""");
        await CreateWidgetAsync("b", """{"size": 2, "nodeName": "node-1"}""");
        await CreateWidgetAsync("c", """{"size": 3}""");

        var list = await GetAsync($"{Widgets}?fieldSelector={Uri.EscapeDataString(selector)}");

        Assert.Equal(names.Split(' '), list.Body.Names());
    }

    [Fact]
    public async Task A_field_that_is_not_selectable_is_a_bad_request()
    {
        var answer = await GetAsync($"{Widgets}?fieldSelector=spec.colour%3Dred");

        Assert.Equal(400, answer.Code);
        Assert.Equal("BadRequest", answer.Reason);
        Assert.Contains("field label not supported: spec.colour", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Field_selectors_work_over_all_namespaces()
    {
        await CreateWidgetAsync("a", $$"""{"size": 1, "nodeName": "n{{Environment.ProcessId % 1000}}"}""");

        var list = await GetAsync($"{Group}/widgets?fieldSelector=metadata.namespace%3D{Namespace},spec.nodeName%3Dn{Environment.ProcessId % 1000}");

        Assert.Equal(["a"], list.Body.Names());
    }

    [Fact]
    public async Task A_list_in_pages_is_the_list_as_it_was_when_it_began()
    {
        foreach (var name in new[] { "a", "b", "c", "d", "e" })
            await CreateWidgetAsync(name);

        var first = (await GetAsync($"{Widgets}?limit=2")).Body;
        await CreateWidgetAsync("bb");
        await DeleteAsync($"{Widgets}/d");
        var second = (await GetAsync($"{Widgets}?limit=2&continue={Uri.EscapeDataString(Continue(first))}")).Body;
        var third = (await GetAsync($"{Widgets}?limit=2&continue={Uri.EscapeDataString(Continue(second))}")).Body;

        Assert.Equal(["a", "b"], first.Names());
        Assert.Equal(3, first.Meta("remainingItemCount")!.GetValue<int>());
        Assert.Equal(["c", "d"], second.Names());
        Assert.Equal(["e"], third.Names());
        Assert.Equal(first.Version(), third.Version());
        Assert.Equal("", third.Meta("continue")?.GetValue<string>() ?? "");
    }

    [Fact]
    public async Task A_list_that_is_to_be_newer_than_the_present_times_out()
    {
        var answer = await GetAsync($"{Widgets}?resourceVersion=99999999&resourceVersionMatch=NotOlderThan");

        Assert.Equal(504, answer.Code);
        Assert.Equal("Timeout", answer.Reason);
        Assert.Contains("Too large resource version: 99999999, current: ", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_from_the_cache_is_allowed_to_be_asked_for()
    {
        await CreateWidgetAsync("a");

        Assert.Equal(["a"], (await GetAsync($"{Widgets}?resourceVersion=0")).Body.Names());
    }

    [Fact]
    public async Task Metadata_alone_can_be_asked_for()
    {
        await CreateWidgetAsync("a", metadata: """ "labels": {"x": "y"},""");

        var one = (await GetAsync($"{Widgets}/a", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")).Body;
        var list = (await GetAsync(Widgets, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")).Body;

        Assert.Equal("PartialObjectMetadata", one["kind"]!.GetValue<string>());
        Assert.Equal("meta.k8s.io/v1", one["apiVersion"]!.GetValue<string>());
        Assert.Equal("y", one.Meta("labels")!["x"]!.GetValue<string>());
        Assert.Null(one["spec"]);
        Assert.Equal("PartialObjectMetadataList", list["kind"]!.GetValue<string>());
        Assert.Equal(["a"], list.Names());
        Assert.Null(list["items"]![0]!["spec"]);
    }

    [Fact]
    public async Task A_form_that_nobody_can_give_is_not_acceptable()
    {
        Assert.Equal(406, (await GetAsync(Widgets, "text/html")).Code);
    }

    [Fact]
    public async Task Protobuf_falls_back_to_JSON_where_the_client_allows_it()
    {
        var answer = await GetAsync(Widgets, "application/vnd.kubernetes.protobuf, application/json");

        Assert.Equal(200, answer.Code);
        Assert.Equal("application/json", answer.Type);
    }

    private static string Continue(System.Text.Json.Nodes.JsonNode list) => list.Meta("continue")!.GetValue<string>();
}
