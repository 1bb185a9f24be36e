//! Encryption of a connection, and what is asked of the server's certificate.

use std::{
    io::{Error, ErrorKind},
    path::Path,
    sync::Arc,
};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
        client::{
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_cert_signed_by_trust_anchor,
        },
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
        server::ParsedCertificate,
    },
};

use super::packets::Duplex;
use crate::options::{TlsMode, TlsOptions};

/// Why a stream is not encrypted.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The stream broke.
    Broken(Error),
    /// What is wrong with the certificate, the authorities or the handshake.
    Refused(String),
}

/// Encrypts a stream to `host`.
pub(crate) async fn encrypt(
    stream: Box<dyn Duplex>,
    host: &str,
    options: &TlsOptions,
) -> Result<Box<dyn Duplex>, Failure> {
    let config = config(options).map_err(Failure::Refused)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Failure::Refused(format!("`{host}`: {error}")))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    match connected {
        Ok(stream) => Ok(Box::new(stream)),
        // A handshake that fails comes as invalid data.
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(Failure::Refused(error.to_string()))
        }
        Err(error) => Err(Failure::Broken(error)),
    }
}

fn config(options: &TlsOptions) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let trust = match (options.mode, &options.ca) {
        (TlsMode::Disabled | TlsMode::Preferred | TlsMode::Required, _) => Trust::Any,
        (TlsMode::VerifyCa, ca) => Trust::Authority(authorities(ca.as_deref())?),
        (TlsMode::VerifyIdentity, ca) => Trust::Name(authorities(ca.as_deref())?),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let roots = match trust {
        Trust::Name(roots) => {
            return Ok(builder.with_root_certificates(roots).with_no_client_auth());
        }
        Trust::Authority(roots) => Some(roots),
        Trust::Any => None,
    };
    let verifier = Arc::new(AnyName { roots, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Which certificates are taken.
enum Trust {
    Any,
    /// Those of the authorities, for whatever name.
    Authority(RootCertStore),
    /// Those of the authorities for the host.
    Name(RootCertStore),
}

/// The authorities in the PEM or DER file `path`, or without one the public ones.
fn authorities(path: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = path else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let told = |reason: String| format!("the file of authorities: {reason}");
    let file = std::fs::read(path).map_err(|error| told(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file).collect();
    let mut certificates = certificates.map_err(|error| told(error.to_string()))?;
    if certificates.is_empty() {
        certificates.push(CertificateDer::from(file));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| told(error.to_string()))?;
    }
    Ok(roots)
}

/// Takes certificates for whatever name: those of the authorities, or without any all. That the server
/// has the certificate's key is proven in any case.
#[derive(Debug)]
struct AnyName {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
