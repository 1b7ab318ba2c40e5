//! The arguments of `rehearsal doctor`.

use clap::Args;
use url::Url;

use super::FilesArguments;
use crate::suite::config::{Config, MOCK};

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArguments {
    #[command(flatten)]
    pub(in crate::cli) files: FilesArguments,

    /// What is examined [default: the target of `run`]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,

    /// Move each lever on and off, and see whether it does what it should
    #[arg(long)]
    pub(in crate::cli) levers: bool,

    /// Say what stands between a phone and the mock or the proxy
    #[arg(long, conflicts_with_all = ["target", "levers"])]
    pub(in crate::cli) device: bool,

    /// A URL that the app calls, as the mock or the proxy prints it; may be repeated [default: the mock's usual ports]
    #[arg(long = "url", value_name = "URL", requires = "device", value_parser = called)]
    pub(in crate::cli) urls: Vec<Url>,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// A URL that an app can call.
fn called(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss"));
    url.filter(Url::has_host)
        .ok_or_else(|| "write a URL as the app calls it, like http://192.168.1.20:4010".to_owned())
}

impl DoctorArguments {
    /// Whether there is such a target, whatever it lacks.
    pub(in crate::cli) fn is_known(&self, config: &Config) -> bool {
        let name = self.target.as_deref().or(config.run.target.as_deref());
        name.is_none_or(|name| name == MOCK || config.outline(name).is_some())
    }
}
