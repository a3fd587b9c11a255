//! Certificates of the service: read from files, and read again when the files change, so that a renewed one needs no restart.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where the service's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its root, in PEM, its own first.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// A certificate that cannot be used. Says which file, and nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {problem}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A file holds nothing of the kind.
    #[error("{} holds no {what} in PEM", path.display())]
    Without {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The two do not belong together, or are of a kind that is not served.
    #[error("the key in {} does not go with the certificate in {}: {problem}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// The certificate that new connections get.
pub(crate) struct Certificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    present: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.present.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let present = RwLock::new(certified(&files, &provider)?);
        Ok(Arc::new(Self { files, provider, present }))
    }

    /// What takes connections with it.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let config = ServerConfig::builder_with_provider(self.provider.clone());
        let config = config.with_safe_default_protocol_versions()?;
        let mut config = config.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they have changed. One that cannot be used changes nothing but the log: the former
    /// certificate is served on.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut seen = stamps(&self.files);
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            let now = stamps(&self.files);
            if now == seen {
                continue;
            }
            match certified(&self.files, &self.provider) {
                Ok(renewed) => {
                    *self.present.write().unwrap_or_else(PoisonError::into_inner) = renewed;
                    tracing::info!(certificate = %self.files.certificate.display(), "a renewed certificate is served");
                }
                // Perhaps one of the two is written and the other not yet: both are looked at again.
                Err(error) => tracing::warn!(%error, "the former certificate is served on"),
            }
            seen = now;
        }
    }
}

/// When the files were written, and how long they are.
fn stamps(files: &TlsFiles) -> [Option<(SystemTime, u64)>; 2] {
    [&files.certificate, &files.key].map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

fn certified(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let text = read(&files.certificate)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(TlsError::Without { path: files.certificate.clone(), what: "certificate" });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| TlsError::Without { path: files.key.clone(), what: "private key" })?;
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|error| TlsError::Mismatch {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        problem: error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path)
        .map_err(|error| TlsError::Unreadable { path: path.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn problem(files: TlsFiles) -> String {
        Certificate::load(files).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_file_and_the_key_is_not() {
        let folder = TempDir::new().unwrap();
        let files =
            TlsFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        assert!(problem(files.clone()).contains("tls.crt cannot be read"));
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        assert!(problem(files.clone()).contains("tls.key cannot be read"));
        std::fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\na-secret").unwrap();
        let told = problem(files.clone());
        assert!(told.contains("tls.key holds no private key in PEM") && !told.contains("a-secret"), "{told}");
        std::fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let told = problem(files.clone());
        assert!(told.contains("does not go with the certificate in"), "{told}");
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        assert!(Certificate::load(files.clone()).unwrap().acceptor().is_ok());
        let swapped = TlsFiles { certificate: files.key, key: files.certificate };
        assert!(problem(swapped).contains("tls.key holds no certificate in PEM"));
    }
}
