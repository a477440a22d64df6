using Quiesce.ApiServers;
using Quiesce.Cluster.Tests.Api;

[assembly: AssemblyFixture(typeof(SharedServer))]

namespace Quiesce.Cluster.Tests.Api;

/// <summary>The one server of this assembly: the local cluster, or the real one that <c>KUBEBUILDER_ASSETS</c> names.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    /// <summary>A kind with a schema, a status, columns and selectable fields; and one whose status is no subresource.</summary>
    private const string Kinds = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: widgets.tests.quiesce.dev}
        spec:
          group: tests.quiesce.dev
          scope: Namespaced
          names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList, shortNames: [wd], categories: [gadgets]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}}
            selectableFields: [{jsonPath: .spec.nodeName}, {jsonPath: .spec.size}]
            additionalPrinterColumns:
            - {name: Size, type: integer, description: How big., jsonPath: .spec.size}
            - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
            - {name: Until, type: date, jsonPath: .status.until}
            - {name: Colour, type: string, priority: 1, jsonPath: .spec.colour}
            - {name: Tags, type: string, priority: 1, jsonPath: .spec.tags}
            schema:
              openAPIV3Schema:
                type: object
                description: A thing to test with.
                required: [spec]
                properties:
                  apiVersion: {type: string}
                  kind: {type: string}
                  metadata: {type: object}
                  spec:
                    type: object
                    description: The wish.
                    required: [size]
                    properties:
                      size: {type: integer, format: int32, minimum: 1, maximum: 10, description: How big.}
                      weight: {type: number, multipleOf: 0.5, minimum: 0, exclusiveMinimum: true, maximum: 100}
                      colour: {type: string, enum: [red, blue], default: red, description: Which colour.}
                      nodeName: {type: string, minLength: 2, maxLength: 10, pattern: '^[a-z0-9-]+$'}
                      enabled: {type: boolean, default: true}
                      tags: {type: array, minItems: 1, maxItems: 3, x-kubernetes-list-type: set, items: {type: string}}
                      since: {type: string, format: date-time}
                      note: {type: string, nullable: true}
                      limits: {type: object, minProperties: 1, maxProperties: 2, additionalProperties: {type: integer, minimum: 0}}
                      port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
                      free: {type: object, x-kubernetes-preserve-unknown-fields: true}
                      shape:
                        type: object
                        default: {}
                        properties:
                          kind: {type: string, default: round}
                          sides: {type: integer}
                      either:
                        type: object
                        oneOf: [{required: [left]}, {required: [right]}]
                        properties: {left: {type: string}, right: {type: string}}
                  status:
                    type: object
                    description: What is so.
                    properties:
                      until: {type: string, format: date-time}
                      count: {type: integer, minimum: 0}
                      conditions:
                        type: array
                        x-kubernetes-list-type: map
                        x-kubernetes-list-map-keys: [type]
                        items:
                          type: object
                          required: [type, status]
                          properties: {type: {type: string}, status: {type: string}, reason: {type: string}}
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: plains.tests.quiesce.dev}
        spec:
          group: tests.quiesce.dev
          scope: Cluster
          names: {plural: plains, kind: Plain}
          versions:
          - name: v1
            served: true
            storage: true
            schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
          - name: v1beta1
            served: true
            storage: false
            schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
        """;

    /// <summary>The server.</summary>
    public ApiServerUnderTest Server { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Server = await ApiServerUnderTest.StartAsync(TestContext.Current.CancellationToken);
        await Server.ApplyAsync(Kinds, TestContext.Current.CancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
