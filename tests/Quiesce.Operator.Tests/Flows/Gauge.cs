using System.Diagnostics.Metrics;
using Quiesce.Operator.Telemetry;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Reads an observable gauge as an exporter does, over all operators of this process.</summary>
internal static class Gauge
{
    /// <param name="name">The instrument.</param>
    /// <param name="tag">The value of its one tag; null for any.</param>
    public static int Read(string name, string? tag = null)
    {
        var sum = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == OperatorMeter.Name && instrument.Name == name) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<int>((_, value, tags, _) =>
        {
            if (tag is null || (tags.Length == 1 && tags[0].Value as string == tag)) sum += value;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return sum;
    }
}
