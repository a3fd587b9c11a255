//! What a connection that TLS did not allow means to whoever set it up.

use std::error::Error as StdError;
use std::io;

use async_nats::rustls::{CertificateError, Error as TlsError};
use async_nats::{ConnectError, ConnectErrorKind};

/// Why trying again is of no use, and what to do; none for anything else than certificates and keys.
pub(crate) fn refusal(error: &ConnectError) -> Option<String> {
    match cause(error) {
        Some(TlsError::InvalidCertificate(problem)) => Some(untrusted(problem)),
        Some(TlsError::AlertReceived(alert)) => Some(format!(
            "the broker does not accept this side's certificate ({alert:?}); \
             nats.certificate_file and nats.key_file must name one that it trusts"
        )),
        Some(other) => Some(format!("TLS with the broker failed: {other}")),
        None if error.kind() == ConnectErrorKind::Tls => Some(format!(
            "TLS cannot be set up with the files in nats.ca_file, nats.certificate_file and nats.key_file: {}",
            error.source().map(ToString::to_string).unwrap_or_default()
        )),
        None => None,
    }
}

fn untrusted(problem: &CertificateError) -> String {
    match problem {
        // An authority of the same name with another key is another authority.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the broker's certificate is signed by nobody who is trusted here; \
             nats.ca_file must name the file of its authority"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the broker's certificate is for another name than the one in nats.url".to_owned()
        }
        other => format!("the broker's certificate does not hold: {other:?}"),
    }
}

/// TLS's own error among the causes.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<TlsError>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}
