//! `rehearsal doctor --device`: what stands between a phone and the mock or the proxy.
//!
//! The phone itself is not asked. What can be seen from here is: by which addresses this machine is reached, who
//! listens there, what is answered, and by which rules a phone refuses to ask at all.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::{adb, firewall};
use crate::cli::network::{self, Address, host};
use crate::net::EMULATOR;
use crate::run::{Examined, State};

/// How long this machine may take to answer itself.
const PATIENCE: Duration = Duration::from_secs(5);

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Something that an app calls.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// How it is called here.
    pub(super) name: String,
    pub(super) port: u16,
    /// The URL that the app was given, if it is known.
    pub(super) url: Option<Url>,
    /// What answers everybody there.
    pub(super) path: String,
}

/// Examines all that can be seen from here. `authority` is what a mock over TLS is signed by.
pub(super) async fn examine(places: &[Place], authority: &Path, say: &mut dyn FnMut(Examined)) {
    let addresses = network::addresses();
    say(addressed(&addresses));
    let lan = addresses.first().map(|own| own.ip);
    let mut schemes = Vec::new();
    for place in places {
        let Some(ip) = listening(place, lan, say).await else {
            continue;
        };
        schemes.extend(asked(place, ip, authority, say).await);
    }
    if schemes.contains(&"http") {
        cleartext(say);
    }
    if schemes.contains(&"https") {
        say(trust(authority));
    }
    let ports: Vec<u16> = places.iter().map(|place| place.port).collect();
    say(firewall::examine(&ports));
    adb::examine(&ports).into_iter().for_each(say);
}

fn addressed(addresses: &[Address]) -> Examined {
    let what = "address";
    let Some((first, others)) = addresses.split_first() else {
        let next = "connect it to the network of the phone, or use a cable: `adb reverse`";
        return Examined::failure(what, "this machine is in no network").next(next);
    };
    let Address { interface, ip } = first;
    let mut said = format!("a phone in the same network calls {ip} ({interface})");
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|own| own.ip.to_string()).collect();
        said.push_str(&format!("; if not, {}", others.join(", ")));
    }
    Examined::ok(what, said)
        .next("see that phone and machine are in one network, and that it lets its devices talk to each other")
}

/// The address by which a phone is to reach a place, if anybody listens there.
async fn listening(
    place: &Place,
    lan: Option<IpAddr>,
    say: &mut dyn FnMut(Examined),
) -> Option<IpAddr> {
    let what = format!("listener {}", place.name);
    let port = place.port;
    let named = place.url.as_ref().and_then(literal);
    let wanted = match named {
        Some(EMULATOR) => HERE,
        Some(ip) if !ip.is_loopback() => ip,
        _ => lan.unwrap_or(HERE),
    };
    if named.is_some_and(|ip| ip.is_loopback()) {
        let instead = lan.map_or("--bind 0.0.0.0".to_owned(), |ip| {
            format!("{}:{port}", host(ip))
        });
        let said = "its URL names the phone itself";
        let next = format!(
            "on a cable `adb reverse tcp:{port} tcp:{port}` makes it right; otherwise have the app call {instead}"
        );
        say(Examined::new(format!("url {}", place.name), State::Warning, said).next(next));
    }
    if knock(wanted, port).await {
        let said = format!("{}:{port} accepts connections", host(wanted));
        say(Examined::ok(what, said));
        return Some(wanted);
    }
    let next = if knock(HERE, port).await {
        let said = format!("port {port} is open to this machine alone");
        let next = "start it with `--bind 0.0.0.0`, or use a cable: `adb reverse`";
        say(Examined::failure(what, said).next(next));
        return None;
    } else if place.url.is_some() {
        "see that the mock or the proxy runs, and that this is what it prints"
    } else {
        "start it: `rehearsal mock --bind 0.0.0.0`; where it is elsewhere, say so: `--url URL`"
    };
    let said = format!("nobody listens on port {port}");
    say(Examined::failure(what, said).next(next));
    None
}

/// The address that a URL names as such.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain("localhost") => Some(HERE),
        Host::Domain(_) => None,
    }
}

async fn knock(ip: IpAddr, port: u16) -> bool {
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect((ip, port))).await;
    matches!(connected, Ok(Ok(_)))
}

/// Asks as an app would, and says by which scheme it was answered.
async fn asked(
    place: &Place,
    ip: IpAddr,
    authority: &Path,
    say: &mut dyn FnMut(Examined),
) -> Option<&'static str> {
    let what = format!("canary {}", place.name);
    let given = place.url.as_ref().map(Url::scheme);
    let at = |scheme: &str| format!("{scheme}://{}:{}{}", host(ip), place.port, place.path);
    let clear = given != Some("https") && given != Some("wss");
    if clear {
        let url = at("http");
        match get(&url, None).await {
            Ok((_, text)) if text.contains("speaks-tls") => {
                if given.is_some() {
                    let next = "have the app call https:// or wss:// there";
                    say(Examined::failure(what, format!("{url} speaks TLS")).next(next));
                    return None;
                }
            }
            Ok((status, _)) => {
                say(Examined::ok(what, format!("{url} answers {status}")).next(
                    "open it in the phone's browser: if that gets no answer, something between them keeps it out",
                ));
                return Some("http");
            }
            Err(why) => {
                let next = "see what listens there";
                say(Examined::failure(what, format!("{url}: {why}")).next(next));
                return None;
            }
        }
    }
    let url = at("https");
    match get(&url, Some(authority)).await {
        Ok((status, _)) => {
            say(Examined::ok(what, format!("{url} answers {status}")).next(
                "open it in the phone's browser: if that warns, the phone does not trust it yet",
            ));
            Some("https")
        }
        Err(why) => {
            let next = "see that its certificate has this address, and that `mock-ca.pem` is of the mock that runs";
            say(Examined::failure(what, format!("{url}: {why}")).next(next));
            None
        }
    }
}

/// A status, and the beginning of what else is said: whatever is there may go on for ever.
async fn get(url: &str, authority: Option<&Path>) -> Result<(u16, String), String> {
    let mut client = Client::builder().no_proxy().timeout(PATIENCE);
    let pem = authority.and_then(|path| std::fs::read(path).ok());
    if let Some(trusted) = pem.and_then(|pem| Certificate::from_pem(&pem).ok()) {
        client = client.tls_certs_merge([trusted]);
    }
    let client = client.build().map_err(|error| innermost(&error))?;
    let answer = client.get(url).send().await;
    let mut answer = answer.map_err(|error| innermost(&error))?;
    let beginning = answer.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&beginning).into_owned();
    Ok((answer.status().as_u16(), text))
}

/// What is at the bottom of an error.
fn innermost(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// What phones have against plain HTTP.
fn cleartext(say: &mut dyn FnMut(Examined)) {
    for (system, said, next) in [
        (
            "android",
            "apps for Android 9 (API level 28) and newer speak no plain HTTP by themselves",
            "in a build for tests: `usesCleartextTraffic` by expo-build-properties, or `<domain-config cleartextTrafficPermitted=\"true\">` in networkSecurityConfig. Expo Go and debug builds may",
        ),
        (
            "ios",
            "App Transport Security refuses plain HTTP",
            "in a build for tests: `NSAllowsLocalNetworking` under NSAppTransportSecurity, and NSLocalNetworkUsageDescription. Expo Go and development builds have it",
        ),
    ] {
        let what = format!("cleartext {system}");
        say(Examined::new(what, State::Warning, said).next(format!("{next}. Or serve TLS")));
    }
}

fn trust(authority: &Path) -> Examined {
    let what = "certificate";
    if !authority.exists() {
        let said = "it is signed by somebody else than the mock's authority";
        return Examined::new(what, State::NotTried, said)
            .next("see with the phone's browser whether it is trusted there");
    }
    let said = format!("the phone has to trust {}", authority.display());
    Examined::new(what, State::Warning, said).next(
        "`rehearsal mock --tls` says how each system comes to; apps for Android need `<certificates src=\"user\" />` as well",
    )
}
