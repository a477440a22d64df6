namespace Quiesce.Crds.Tests.Rules;

/// <summary>Every refusal that is promised. A test checks that no rule of a manifest is without one.</summary>
internal static class Refusals
{
    public const string Target = "targets: [{hostPath: {path: /srv/a, nodeName: node-1}}]";
    public const string Window = "request: {namespace: shop, name: nightly, uid: 0d5e-1}";
    public const string Plan = "nodeName: node-1, request: {namespace: shop, name: nightly, uid: 0d5e-1}, window: 0d5e-1";

    public static IReadOnlyList<Refusal> All { get; } = [.. Targets(), .. Numbers(), .. RequestUpdates(), .. Thaws(), .. Windows(), .. Plans()];

    private static IEnumerable<Refusal> Targets()
    {
        yield return Request("no targets", "dryRun: true", "spec.targets", "targets is empty");
        yield return Request("an empty list of targets", "targets: []", "spec.targets", "targets is empty");
        yield return Request("65 targets", $"targets: [{string.Join(',', Enumerable.Repeat("{allFilesystems: {nodeName: node-1}}", 65))}]", "spec.targets", "must have at most 64 items");
        yield return Request("a target of no kind", "targets: [{}]", "spec.targets[0]", "a target must say what to freeze");
        yield return Request("a target of a kind not known yet", "targets: [{volumeSnapshot: {name: data}}]", "spec.targets[0]", "a target must say what to freeze");
        yield return Request("a target of two kinds", "targets: [{hostPath: {path: /a, nodeName: node-1}, allFilesystems: {nodeName: node-1}}]", "spec.targets[0]", "a target must be of one kind only");
        yield return Request("only the second target is wrong", "targets: [{allFilesystems: {nodeName: node-1}}, {}]", "spec.targets[1]", "a target must say what to freeze");
        yield return Path("a relative path", "srv/a", "path must be absolute");
        yield return Path("a path of nothing", "''", "path must be absolute");
        yield return Path("a path that climbs", "/srv/../etc", "path must not contain '..'");
        yield return Path("a path that climbs at its end", "/srv/..", "path must not contain '..'");
        yield return Path("a path that begins by climbing", "../srv", "path must not contain '..'");
        yield return Path("a path with NUL", "\"/srv/a\\0b\"", "path must not contain a NUL character");
        yield return Path("a path of 1025 characters", "/" + new string('a', 1024), "may not be more than 1024");
        yield return Request("no path", "targets: [{hostPath: {nodeName: node-1}}]", "spec.targets[0].hostPath.path", "Required value");
        foreach (var (kind, path) in new[] { ("hostPath", "path: /a"), ("allFilesystems", "") })
        {
            var at = $"spec.targets[0].{kind}";
            yield return On("no node", "", at, $"{kind} does not say on which node");
            yield return On("a node and a selector", "nodeName: node-1, nodeSelector: {matchLabels: {a: b}}", at, $"{kind} sets both nodeName and nodeSelector");
            yield return On("a node without a name", "nodeName: ''", at + ".nodeName", "should be at least 1 chars long");
            foreach (var refusal in Selectors(selector => $"targets: [{{{kind}: {{{string.Join(", ", new[] { path, $"nodeSelector: {selector}" }.Where(s => s.Length > 0))}}}}}]", kind, at + ".nodeSelector", "nodeSelector"))
                yield return refusal;

            Refusal On(string what, string node, string field, string sentence) =>
                Request($"{kind}: {what}", $"targets: [{{{kind}: {{{string.Join(", ", new[] { path, node }.Where(s => s.Length > 0))}}}}}]", field, sentence);
        }

        foreach (var refusal in Selectors(selector => $"targets: [{{podSelector: {selector}}}]", "podSelector", "spec.targets[0].podSelector", "podSelector"))
            yield return refusal;
        foreach (var stage in new[] { "preFreeze", "postThaw" })
        {
            var at = $"spec.hooks.{stage}[0]";
            foreach (var refusal in Selectors(selector => $"{Target}, hooks: {{{stage}: [{{podSelector: {selector}, command: [a]}}]}}", stage, $"{at}.podSelector", "podSelector"))
                yield return refusal;
            yield return Hook("no pods", "command: [a]", $"{at}.podSelector", "Required value");
            yield return Hook("no command", "podSelector: {matchLabels: {a: b}}", $"{at}.command", "Required value");
            yield return Hook("an empty command", "podSelector: {matchLabels: {a: b}}, command: []", $"{at}.command", "should have at least 1 items");
            yield return Hook("a command that is a string", "podSelector: {matchLabels: {a: b}}, command: sync", $"{at}.command", "must be of type array");
            yield return Hook(
                "a command of 8193 characters", $"podSelector: {{matchLabels: {{a: b}}}}, command: [{new string('a', 4096)}, {new string('b', 4096)}, c]", $"{at}.command", "command has more than 8192 characters");
            foreach (var timeout in new[] { "soon", "30", "0s", "301s", "-1s", "1d" })
                yield return Hook($"a timeout of {timeout}", $"podSelector: {{matchLabels: {{a: b}}}}, command: [a], timeout: '{timeout}'", $"{at}.timeout", "timeout must be a duration of more than zero and at most 300 s");
            yield return Hook("an unknown answer to an error", "podSelector: {matchLabels: {a: b}}, command: [a], onError: Ignore", $"{at}.onError", "supported values");
            yield return Request($"nine {stage} hooks", $"{Target}, hooks: {{{stage}: [{string.Join(',', Enumerable.Repeat("{podSelector: {matchLabels: {a: b}}, command: [a]}", 9))}]}}", $"spec.hooks.{stage}", "must have at most 8 items");

            Refusal Hook(string what, string hook, string field, string sentence) => Request($"{stage}: {what}", $"{Target}, hooks: {{{stage}: [{{{hook}}}]}}", field, sentence);
        }

        yield return Request("annotations of pods that no target names", $"{Target}, hooks: {{velero: true}}", "spec.hooks", "hooks.velero takes the hooks of the pods whose volumes are frozen");
        yield return Request("a claim without a name", "targets: [{persistentVolumeClaim: {}}]", "spec.targets[0].persistentVolumeClaim.name", "Required value");
        yield return Request("a claim of two names", "targets: [{persistentVolumeClaim: {name: a}, podSelector: {matchLabels: {a: b}}}]", "spec.targets[0]", "a target must be of one kind only");
        yield return Request("65 volumes of pods", $"targets: [{{podSelector: {{matchLabels: {{a: b}}, volumes: [{string.Join(',', Enumerable.Range(0, 65).Select(i => $"v{i}"))}]}}}}]", "spec.targets[0].podSelector.volumes", "must have at most 64 items");

        static IEnumerable<Refusal> Selectors(Func<string, string> spec, string kind, string at, string name)
        {
            yield return With("an empty selector", "{}", "", $"{name} is empty");
            yield return With("a selector of empty parts", "{matchLabels: {}, matchExpressions: []}", "", $"{name} is empty");
            yield return With("a label key that is none", "{matchLabels: {'a b': c}}", ".matchLabels", "matchLabels has a key that no label can have");
            yield return With("a label value that is none", "{matchLabels: {a: '-'}}", ".matchLabels", "matchLabels has a value that no label can have");
            yield return Expression("In without values", "{key: a, operator: In}", "", "values is empty");
            yield return Expression("NotIn with an empty list", "{key: a, operator: NotIn, values: []}", "", "values is empty");
            yield return Expression("Exists with values", "{key: a, operator: Exists, values: [b]}", "", "values is set");
            yield return Expression("an operator that is none", "{key: a, operator: Like}", ".operator", "supported values");
            yield return Expression("a key that is none", "{key: 'a b', operator: Exists}", ".key", "key is not one that a label can have");
            yield return Expression("a value that is none", "{key: a, operator: In, values: [a/b]}", ".values[0]", "a value is not one that a label can have");

            Refusal With(string what, string selector, string field, string sentence) => Request($"{kind}: {what}", spec(selector), at + field, sentence);

            Refusal Expression(string what, string expression, string field, string sentence) =>
                With(what, $"{{matchExpressions: [{expression}]}}", $".matchExpressions[0]{field}", sentence);
        }

        static Refusal Path(string what, string path, string sentence) =>
            Request(what, $"targets: [{{hostPath: {{path: {path}, nodeName: node-1}}}}]", "spec.targets[0].hostPath.path", sentence);
    }

    private static IEnumerable<Refusal> Numbers()
    {
        yield return Number("deadlineSeconds", 0, "deadlineSeconds must be at least 1");
        yield return Number("deadlineSeconds", -1, "deadlineSeconds must be at least 1");
        yield return Number("deadlineSeconds", 3601, "deadlineSeconds is above the ceiling of 3600");
        yield return Number("deadlineSeconds", 5_000_000_000, "deadlineSeconds is above the ceiling of 3600");
        yield return Number("freezeTimeoutSeconds", 0, "freezeTimeoutSeconds must be between 1 and 300");
        yield return Number("freezeTimeoutSeconds", -1, "freezeTimeoutSeconds must be between 1 and 300");
        yield return Number("freezeTimeoutSeconds", 301, "freezeTimeoutSeconds must be between 1 and 300");
        yield return Number("ttlSecondsAfterFinished", -1, "greater than or equal to 0");
        yield return Request("a state that is none", $"{Target}, desiredState: frozen", "spec.desiredState", "supported values: \"Frozen\", \"Thawed\"");
        yield return Request("a choice that is none", $"{Target}, unsupportedFilesystems: Ignore", "spec.unsupportedFilesystems", "supported values: \"Skip\", \"Fail\"");

        static Refusal Number(string field, long value, string sentence) =>
            Request($"{field} {value}", $"{Target}, {field}: {value}", $"spec.{field}", sentence);
    }

    private static IEnumerable<Refusal> RequestUpdates()
    {
        const string full = $"{Target}, deadlineSeconds: 30, ttlSecondsAfterFinished: 60";
        yield return Update("other targets", full, "targets: [{allFilesystems: {nodeName: node-2}}]", "spec.targets", "targets cannot be changed");
        yield return Update("one target more", full, "targets: [{hostPath: {path: /srv/a, nodeName: node-1}}, {hostPath: {path: /srv/b, nodeName: node-1}}]", "spec.targets", "targets cannot be changed");
        yield return Update("no targets any more", full, "targets: null", "spec.targets", "targets is empty");
        yield return Update("another freeze timeout", full, "freezeTimeoutSeconds: 20", "spec.freezeTimeoutSeconds", "freezeTimeoutSeconds cannot be changed");
        yield return Update("another choice for unsupported filesystems", full, "unsupportedFilesystems: Fail", "spec.unsupportedFilesystems", "unsupportedFilesystems cannot be changed");
        yield return Update("another policy for conflicts", full, "conflictPolicy: Wait", "spec.conflictPolicy", "conflictPolicy cannot be changed");
        yield return Update("a dry run made real", $"{full}, dryRun: true", "dryRun: false", "spec.dryRun", "dryRun cannot be changed");
        yield return Update("another time to live", full, "ttlSecondsAfterFinished: 61", "spec.ttlSecondsAfterFinished", "ttlSecondsAfterFinished cannot be changed");
        yield return Update("no time to live any more", full, "ttlSecondsAfterFinished: null", "spec.ttlSecondsAfterFinished", "ttlSecondsAfterFinished cannot be changed");
        yield return Update("a time to live later", Target, "ttlSecondsAfterFinished: 60", "spec.ttlSecondsAfterFinished", "ttlSecondsAfterFinished cannot be changed");
        const string hooks = $"{full}, hooks: {{preFreeze: [{{podSelector: {{matchLabels: {{a: b}}}}, command: [a]}}]}}";
        yield return Update("another command", hooks, "hooks: {preFreeze: [{podSelector: {matchLabels: {a: b}}, command: [b]}]}", "spec.hooks", "hooks cannot be changed");
        yield return Update("no hooks any more", hooks, "hooks: null", "spec.hooks", "hooks cannot be changed");
        yield return Update("hooks later", full, "hooks: {postThaw: [{podSelector: {matchLabels: {a: b}}, command: [a]}]}", "spec.hooks", "hooks cannot be changed");
        yield return Update("a lower deadline", full, "deadlineSeconds: 29", "spec.deadlineSeconds", "deadlineSeconds cannot be lowered");
        yield return Update("the default deadline again", full, "deadlineSeconds: null", "spec.deadlineSeconds", "deadlineSeconds cannot be lowered");
        yield return Update("a deadline raised above the ceiling", full, "deadlineSeconds: 3601", "spec.deadlineSeconds", "deadlineSeconds is above the ceiling");
        yield return Update("frozen again", $"{full}, desiredState: Thawed", "desiredState: Frozen", "spec.desiredState", "desiredState cannot go back");
        yield return Update("a deadline raised after the thaw", $"{full}, desiredState: Thawed", "deadlineSeconds: 31", "spec.deadlineSeconds", "deadlineSeconds cannot be raised after desiredState was set to Thawed");
        yield return Update("a deadline lowered after the thaw", $"{full}, desiredState: Thawed", "deadlineSeconds: 29", "spec.deadlineSeconds", "deadlineSeconds cannot be lowered");
        yield return Update("other targets together with the thaw", full, "desiredState: Thawed, targets: [{allFilesystems: {nodeName: node-2}}]", "spec.targets", "targets cannot be changed");
        foreach (var phase in new[] { "Thawing", "Thawed", "Expired", "Broken", "Failed" })
            yield return Update($"a deadline raised when {phase}", full, "deadlineSeconds: 31", "spec.deadlineSeconds", "deadlineSeconds cannot be raised any more", phase);

        static Refusal Update(string what, string spec, string patch, string field, string sentence, string? phase = null) =>
            new(what, "FreezeRequest", $"{{{spec}}}", $"{{spec: {{{patch}}}}}", field, sentence, phase);
    }

    private static IEnumerable<Refusal> Thaws()
    {
        yield return Create("no node", "paths: [/srv/a]", "spec.nodeName", "Required value");
        yield return Create("a node without a name", "nodeName: ''", "spec.nodeName", "should be at least 1 chars long");
        yield return Create("a relative path", "nodeName: node-1, paths: [/srv/a, srv/b]", "spec.paths[1]", "path must be absolute");
        yield return Create("a path that climbs", "nodeName: node-1, paths: [/srv/../a]", "spec.paths[0]", "path must not contain '..'");
        yield return Create("a path with NUL", "nodeName: node-1, paths: [\"/srv/a\\0b\"]", "spec.paths[0]", "path must not contain a NUL character");
        yield return Create("65 paths", $"nodeName: node-1, paths: [{string.Join(',', Enumerable.Repeat("/a", 65))}]", "spec.paths", "must have at most 64 items");
        yield return Create("no time", "nodeName: node-1, timeoutSeconds: 0", "spec.timeoutSeconds", "timeoutSeconds must be between 1 and 300");
        yield return Create("too long a time", "nodeName: node-1, timeoutSeconds: 301", "spec.timeoutSeconds", "timeoutSeconds must be between 1 and 300");
        yield return Update("another node", "nodeName: node-2");
        yield return Update("other paths", "paths: [/srv/b]");
        yield return Update("another timeout", "timeoutSeconds: 31");
        yield return Update("another time to live", "ttlSecondsAfterFinished: 61");

        static Refusal Create(string what, string spec, string field, string sentence) => new($"ThawRequest: {what}", "ThawRequest", $"{{{spec}}}", null, field, sentence);
        static Refusal Update(string what, string patch) =>
            new($"ThawRequest: {what}", "ThawRequest", "{nodeName: node-1, paths: [/srv/a]}", $"{{spec: {{{patch}}}}}", "spec", "the spec of a ThawRequest cannot be changed");
    }

    private static IEnumerable<Refusal> Windows()
    {
        yield return Create("no deadline", Window, "spec.deadlineSeconds", "Required value");
        yield return Create("no request", "deadlineSeconds: 20", "spec.request", "Required value");
        yield return Create("a deadline of zero", $"{Window}, deadlineSeconds: 0", "spec.deadlineSeconds", "must be between 1 and 3600");
        yield return Create("a deadline above the ceiling", $"{Window}, deadlineSeconds: 3601", "spec.deadlineSeconds", "must be between 1 and 3600");
        yield return Update("from Frozen to Prepared", "desiredState: Frozen", "desiredState: Prepared", "spec.desiredState", "desiredState of a FreezeWindow cannot step back");
        yield return Update("from Thawed to Frozen", "desiredState: Thawed", "desiredState: Frozen", "spec.desiredState", "desiredState of a FreezeWindow cannot step back");
        yield return Update("from Thawed to Prepared", "desiredState: Thawed", "desiredState: Prepared", "spec.desiredState", "desiredState of a FreezeWindow cannot step back");
        yield return Update("from Frozen to nothing, which means Prepared", "desiredState: Frozen", "desiredState: null", "spec.desiredState", "desiredState of a FreezeWindow cannot step back");
        yield return Update("unconfirmed", "desiredState: Frozen, confirmed: true", "confirmed: false", "spec.confirmed", "confirmed of a FreezeWindow cannot go back");
        yield return Update("unconfirmed after the thaw", "desiredState: Thawed, confirmed: true", "confirmed: false", "spec.confirmed", "confirmed of a FreezeWindow cannot go back");
        yield return Update("a lower deadline", "desiredState: Frozen", "deadlineSeconds: 19", "spec.deadlineSeconds", "deadlineSeconds of a FreezeWindow cannot be lowered");
        yield return Update("a lower deadline after the thaw", "desiredState: Thawed", "deadlineSeconds: 19", "spec.deadlineSeconds", "deadlineSeconds of a FreezeWindow cannot be lowered");
        yield return Update("another request", "desiredState: Frozen", "request: {uid: other}", "spec.request", "request of a FreezeWindow cannot be changed");

        static Refusal Create(string what, string spec, string field, string sentence) => new($"FreezeWindow: {what}", "FreezeWindow", $"{{{spec}}}", null, field, sentence);
        static Refusal Update(string what, string spec, string patch, string field, string sentence) =>
            new($"FreezeWindow: {what}", "FreezeWindow", $"{{{Window}, deadlineSeconds: 20, {spec}}}", $"{{spec: {{{patch}}}}}", field, sentence);
    }

    private static IEnumerable<Refusal> Plans()
    {
        const string request = "request: {namespace: shop, name: nightly, uid: 0d5e-1}";
        yield return Create("no node", $"{request}, window: w, allFilesystems: true", "spec.nodeName", "Required value");
        yield return Create("no window", $"nodeName: node-1, {request}, paths: [/srv/a]", "spec.window", "window is missing");
        yield return Create("nothing to hold", Plan, "spec.paths", "the plan names nothing");
        yield return Create("nothing to hold, in an empty list", $"{Plan}, paths: []", "spec.paths", "the plan names nothing");
        yield return Create("nothing to inspect", $"nodeName: node-1, {request}, mode: Inspect", "spec.paths", "the plan names nothing");
        yield return Create("a relative path", $"{Plan}, paths: [a]", "spec.paths[0]", "path must be absolute");
        yield return Create("a path that climbs", $"{Plan}, paths: [/a/..]", "spec.paths[0]", "path must not contain '..'");
        yield return Create("a path with NUL", $"{Plan}, paths: [\"/a\\0\"]", "spec.paths[0]", "path must not contain a NUL character");
        yield return Create("no time", $"{Plan}, paths: [/a], freezeTimeoutSeconds: 0", "spec.freezeTimeoutSeconds", "freezeTimeoutSeconds must be between 1 and 300");
        foreach (var change in new[] { "nodeName: node-2", "request: {uid: other}", "mode: Inspect", "window: other", "paths: [/b]", "allFilesystems: true", "unsupportedFilesystems: Fail", "freezeTimeoutSeconds: 11" })
            yield return new($"NodeFreeze: changed {change}", "NodeFreeze", $"{{{Plan}, paths: [/a]}}", $"{{spec: {{{change}}}}}", "spec", "the spec of a NodeFreeze cannot be changed");

        static Refusal Create(string what, string spec, string field, string sentence) => new($"NodeFreeze: {what}", "NodeFreeze", $"{{{spec}}}", null, field, sentence);
    }

    private static Refusal Request(string what, string spec, string field, string sentence) => new(what, "FreezeRequest", $"{{{spec}}}", null, field, sentence);
}
