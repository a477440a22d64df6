using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

public sealed class TableTests(SharedServer shared) : ApiTests(shared)
{
    private const string Table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

    [Fact]
    public async Task Columns_of_a_CRD_become_cells()
    {
        await CreateWidgetAsync("one", """{"size": 3, "colour": "blue", "tags": ["a", "b"]}""");
        await MergeAsync($"{Widgets}/one/status", """{"status": {"until": "2001-01-01T00:00:00Z", "conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}}""");
        await CreateWidgetAsync("two");

        var table = (await GetAsync(Widgets, Table)).Body;

        Assert.Equal("Table", table["kind"]!.GetValue<string>());
        Assert.Equal("meta.k8s.io/v1", table["apiVersion"]!.GetValue<string>());
        Assert.Equal(
            ["Name string 0", "Size integer 0", "Ready string 0", "Until date 0", "Colour string 1", "Tags string 1"],
            table["columnDefinitions"]!.AsArray().Select(c => $"{c!["name"]} {c["type"]} {c["priority"]}"));
        Assert.Equal("How big.", table["columnDefinitions"]![1]!["description"]!.GetValue<string>());
        var cells = Cells(table, 0);
        Assert.Equal(("one", 3, "True", "blue", """["a","b"]"""), (cells[0]!.GetValue<string>(), cells[1]!.GetValue<int>(), cells[2]!.GetValue<string>(), cells[4]!.GetValue<string>(), cells[5]!.GetValue<string>()));
        Assert.Matches("^2[0-9]y$", cells[3]!.GetValue<string>());
        Assert.Equal([null, null, null], new[] { Cells(table, 1)[2], Cells(table, 1)[3], Cells(table, 1)[5] });
    }

    [Fact]
    public async Task A_date_in_the_future_is_shown_as_invalid()
    {
        await CreateWidgetAsync("one");
        await MergeAsync($"{Widgets}/one/status", """{"status": {"until": "2101-01-01T00:00:00Z"}}""");

        Assert.Equal("<invalid>", Cells((await GetAsync($"{Widgets}/one", Table)).Body, 0)[3]!.GetValue<string>());
    }

    [Theory]
    [InlineData("", "PartialObjectMetadata")]
    [InlineData("?includeObject=Metadata", "PartialObjectMetadata")]
    [InlineData("?includeObject=Object", "Widget")]
    [InlineData("?includeObject=None", null)]
    public async Task A_row_carries_as_much_of_its_object_as_is_asked_for(string query, string? kind)
    {
        await CreateWidgetAsync("one");

        var table = (await GetAsync(Widgets + query, Table)).Body;

        Assert.Equal(kind, table["rows"]![0]!["object"]?["kind"]?.GetValue<string>());
        if (kind is not null)
            Assert.Equal("one", table["rows"]![0]!["object"]!.Name());
    }

    [Fact]
    public async Task Without_columns_a_kind_has_name_and_age()
    {
        var name = $"table-{Namespace}";
        await PostAsync($"{Group}/plains", $$$"""{"apiVersion": "tests.quiesce.dev/v1", "kind": "Plain", "metadata": {"name": "{{{name}}}"}}""");

        var table = (await GetAsync($"{Group}/plains/{name}", Table)).Body;

        Assert.Equal(["Name", "Age"], table["columnDefinitions"]!.AsArray().Select(c => c!["name"]!.GetValue<string>()));
        Assert.Matches("^[0-9]+s$", Cells(table, 0)[1]!.GetValue<string>());
        await DeleteAsync($"{Group}/plains/{name}");
    }

    [Theory]
    [InlineData("/api/v1/nodes", "Name Status Roles Age Version Internal-IP External-IP OS-Image Kernel-Version Container-Runtime")]
    [InlineData("/api/v1/pods", "Name Ready Status Restarts Age IP Node Nominated_Node Readiness_Gates")]
    [InlineData("/api/v1/namespaces", "Name Status Age")]
    [InlineData("/api/v1/events", "Last_Seen Type Reason Object Subobject Source Message First_Seen Count Name")]
    [InlineData("/api/v1/configmaps", "Name Data Age")]
    [InlineData("/api/v1/secrets", "Name Type Data Age")]
    [InlineData("/api/v1/persistentvolumeclaims", "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode")]
    [InlineData("/api/v1/persistentvolumes", "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age VolumeMode")]
    [InlineData("/apis/coordination.k8s.io/v1/leases", "Name Holder Age")]
    [InlineData("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "Name Created_At")]
    [InlineData("/apis/events.k8s.io/v1/events", "Last_Seen Type Reason Object Subobject Source Message First_Seen Count Name")]
    [InlineData("/apis/apps/v1/daemonsets", "Name Desired Current Ready Up-to-date Available Node_Selector Age Containers Images Selector")]
    [InlineData("/apis/apps/v1/deployments", "Name Ready Up-to-date Available Age Containers Images Selector")]
    [InlineData("/api/v1/serviceaccounts", "Name Age")]
    public async Task The_servers_own_kinds_have_their_usual_columns(string path, string columns)
    {
        var table = (await GetAsync(path, Table)).Body;

        Assert.Equal(columns.Split(' ').Select(c => c.Replace('_', ' ')), table["columnDefinitions"]!.AsArray().Select(c => c!["name"]!.GetValue<string>()));
    }

    private static JsonArray Cells(JsonNode table, int row) => table["rows"]![row]!["cells"]!.AsArray();
}
