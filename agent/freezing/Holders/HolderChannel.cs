using Quiesce.Freezing.Kernel;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Holders;

/// <summary>One end of the channel between agent and holder: a Unix socket that keeps message bounds and carries descriptors.</summary>
/// <remarks>One thread may receive while any others send.</remarks>
public sealed unsafe class HolderChannel(int fd) : IDisposable
{
    /// <summary>The most descriptors one message carries (<c>SCM_MAX_FD</c>, include/net/scm.h).</summary>
    public const int MaximumDescriptors = 253;

    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(HolderCodec.MaximumMessage, pinned: true);

    /// <summary>The descriptor.</summary>
    public int Number => fd;

    /// <summary>Makes both ends; neither is inherited by a process started meanwhile.</summary>
    /// <exception cref="IOException">No descriptors are left.</exception>
    public static (int Agent, int Holder) CreatePair()
    {
        var ends = stackalloc int[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            throw new IOException($"socketpair failed with {Native.LastErrno.Describe()}");
        // A report of 200 filesystems with long messages must fit at once; a send that does not fit is dropped, never waited for.
        var size = HolderCodec.MaximumMessage;
        for (var i = 0; i < 2; i++) _ = setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(int));
        return (ends[0], ends[1]);
    }

    /// <summary>Sends a message, with descriptors if any. Never waits: a full channel or a gone peer answers false.</summary>
    public bool TrySend(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors = default)
    {
        var control = stackalloc byte[24 + (MaximumDescriptors * sizeof(int))];
        fixed (byte* p = message)
        {
            var part = new iovec { iov_base = p, iov_len = message.Length };
            var header = new msghdr { msg_iov = &part, msg_iovlen = 1 };
            if (!descriptors.IsEmpty)
            {
                // CMSG_LEN, CMSG_SPACE and CMSG_DATA of cmsg(3) on a 64-bit system: a header of 16 bytes, aligned to 8.
                var length = 16 + (descriptors.Length * sizeof(int));
                *(ulong*)control = (ulong)length;
                *(int*)(control + 8) = SOL_SOCKET;
                *(int*)(control + 12) = SCM_RIGHTS;
                descriptors.CopyTo(new Span<int>(control + 16, descriptors.Length));
                header.msg_control = control;
                header.msg_controllen = (length + 7) & ~7;
            }
            ssize_t sent;
            do
                sent = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
            while ((long)sent < 0 && errno == EINTR);
            return (long)sent == message.Length;
        }
    }

    /// <summary>Waits for the next message. An empty answer is the end: the other side is gone.</summary>
    /// <param name="descriptors">Those that came along, now ours to close.</param>
    public ReadOnlySpan<byte> Receive(List<int> descriptors)
    {
        var control = stackalloc byte[24 + (MaximumDescriptors * sizeof(int))];
        fixed (byte* p = buffer)
        {
            var part = new iovec { iov_base = p, iov_len = buffer.Length };
            var header = new msghdr { msg_iov = &part, msg_iovlen = 1, msg_control = control, msg_controllen = 24 + (MaximumDescriptors * sizeof(int)) };
            ssize_t received;
            // Where the other side is gone and has left something of ours unread, that is told once, before what it sent: its last report is still to be read.
            do
                received = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
            while ((long)received < 0 && (errno == EINTR || errno == ECONNRESET));
            if ((long)received <= 0) return default;
            if ((long)(ulong)header.msg_controllen >= 16 && *(int*)(control + 8) == SOL_SOCKET && *(int*)(control + 12) == SCM_RIGHTS)
            {
                var count = ((int)*(ulong*)control - 16) / sizeof(int);
                descriptors.AddRange(new ReadOnlySpan<int>(control + 16, count));
            }
            return buffer.AsSpan(0, (int)(long)received);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _ = close(fd);
}
