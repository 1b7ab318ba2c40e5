//! The arguments of what is served over TLS.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct TlsArguments {
    /// Serve the app over TLS with this certificate chain, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(in crate::cli) tls_cert: Option<PathBuf>,

    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(in crate::cli) tls_key: Option<PathBuf>,
}
