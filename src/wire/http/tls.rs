//! TLS with ring's cryptography.

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A configuration that trusts whom the system trusts. Reading that takes 10 ms.
pub(super) fn with_roots() -> Result<ClientConfig, String> {
    tls(|config| config.with_platform_verifier().map_err(|why| why.to_string()))
}

/// One that trusts nobody, for clients that make no call over TLS.
pub(super) fn without_roots() -> Result<ClientConfig, String> {
    tls(|config| Ok(config.with_root_certificates(RootCertStore::empty())))
}

fn tls(
    with_roots: impl FnOnce(
        ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String>,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?;
    Ok(with_roots(versions)?.with_no_client_auth())
}
