using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Quiesce.ApiServers;

/// <summary>A certificate for 127.0.0.1 that stands for itself, good for some days either way, so that it is good to a client whose clock is wrong by hours.</summary>
internal sealed class ServerCertificate
{
    private readonly X509Certificate2 _certificate;

    private ServerCertificate(X509Certificate2 certificate, string keyPem)
    {
        _certificate = certificate;
        KeyPem = keyPem;
    }

    public string CertificatePem => _certificate.ExportCertificatePem();

    public string KeyPem { get; }

    public static ServerCertificate Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=quiesce-tests", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1", "serverAuth")], critical: false));
        var now = TimeProvider.System.GetUtcNow();
        return new ServerCertificate(request.CreateSelfSigned(now.AddDays(-2), now.AddDays(2)), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>A policy by which this certificate is trusted and no other.</summary>
    public X509ChainPolicy TrustOnlyThis()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(_certificate);
        return policy;
    }
}
