using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Quiesce.Cluster.OpenApi;

/// <summary>Writes the wire format of protocol buffers: just what OpenAPI documents need of it.</summary>
internal sealed class ProtobufWriter
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;

    private readonly ArrayBufferWriter<byte> _buffer = new();

    public byte[] ToArray() => _buffer.WrittenSpan.ToArray();

    public void String(int field, string value)
    {
        Tag(field, LengthDelimited);
        Bytes(Encoding.UTF8.GetBytes(value));
    }

    public void Bool(int field, bool value) => Long(field, value ? 1 : 0);

    public void Long(int field, long value)
    {
        Tag(field, Varint);
        WriteVarint((ulong)value);
    }

    public void Double(int field, double value)
    {
        Tag(field, Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(_buffer.GetSpan(8), value);
        _buffer.Advance(8);
    }

    public void Message(int field, Action<ProtobufWriter> write)
    {
        var inner = new ProtobufWriter();
        write(inner);
        Tag(field, LengthDelimited);
        Bytes(inner._buffer.WrittenSpan);
    }

    private void Tag(int field, int wireType) => WriteVarint(((ulong)field << 3) | (uint)wireType);

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        WriteVarint((ulong)bytes.Length);
        _buffer.Write(bytes);
    }

    private void WriteVarint(ulong value)
    {
        while (value >= 0x80)
        {
            _buffer.Write([(byte)(value | 0x80)]);
            value >>= 7;
        }

        _buffer.Write([(byte)value]);
    }
}
