//! What is said of a mock that is ready: where it is, and who can sign in.

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use anstyle::Style;
use serde_json::{Map, Value, json};

use super::{code, flushed, trust};
use crate::cli::arguments::MockArguments;
use crate::cli::network;
use crate::cli::tls::Voucher;
use crate::domain::contract::{Contract, Service};
use crate::domain::world::User;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// A mock that is ready.
pub(super) struct Served<'a> {
    pub(super) contract: &'a Contract,
    /// The services with their URLs, as an app is to call them.
    pub(super) services: Vec<(&'a Service, String)>,
    pub(super) operator: String,
    /// Where the console is, if there is one.
    pub(super) console: Option<String>,
    /// Whether others than this machine may reach it.
    pub(super) is_open: bool,
    /// By which other addresses it is reached.
    pub(super) others: Vec<IpAddr>,
    /// Who vouches for its certificate, if that was made.
    pub(super) voucher: Option<Voucher>,
    pub(super) users: &'a [User],
    pub(super) env_file: Option<PathBuf>,
    pub(super) seed: u64,
}

impl Served<'_> {
    /// The variables that the app is built with, and their values.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let services = self.services.iter();
        services.filter_map(|(service, url)| Some((service.variable.as_deref()?, url.as_str())))
    }

    /// Tells a person, or a program.
    pub(super) fn tell(&self, arguments: &MockArguments) -> io::Result<()> {
        if arguments.json {
            return flushed(|out| writeln!(out, "{}", self.for_programs()));
        }
        let qr = arguments.qr || (self.is_open && io::stdout().is_terminal());
        flushed(|out| self.for_people(out, qr))
    }

    fn for_programs(&self) -> Value {
        let services = self.services.iter();
        let services: Map<String, Value> = services
            .map(|(service, url)| (service.name.clone(), url.as_str().into()))
            .collect();
        let variables: Map<String, Value> = self
            .variables()
            .map(|(name, url)| (name.to_owned(), url.into()))
            .collect();
        let accounts = self.users.iter().map(|user| {
            let password = user.password.expose();
            json!({ "name": user.name, "username": user.username, "password": password })
        });
        json!({
            "contract": self.contract.name,
            "services": services,
            "operator": self.operator,
            "console": self.console,
            "addresses": self.others,
            "authority": self.voucher.as_ref().map(|own| &own.path),
            "variables": variables,
            "env_file": self.env_file,
            "accounts": accounts.collect::<Vec<_>>(),
            "seed": self.seed,
        })
    }

    fn for_people(&self, out: &mut dyn Write, qr: bool) -> io::Result<()> {
        let name = &self.contract.name;
        writeln!(out, "{STRONG}mock backend of {name}{STRONG:#}\n")?;
        let names = self.services.iter().map(|(service, _)| service.name.len());
        let column = names.chain(["operator".len()]).max().unwrap_or(0);
        for (service, url) in &self.services {
            let variable = service.variable.as_deref().unwrap_or("");
            let name = &service.name;
            writeln!(
                out,
                "  {STRONG}{name:<column$}{STRONG:#}  {url}  {FAINT}{variable}{FAINT:#}"
            )?;
        }
        let operator = &self.operator;
        writeln!(
            out,
            "  {STRONG}{:<column$}{STRONG:#}  {operator}",
            "operator"
        )?;
        if let Some(console) = &self.console {
            writeln!(out, "  {STRONG}{:<column$}{STRONG:#}  {console}", "console")?;
        }
        self.tell_reach(out)?;
        if let (Some(voucher), Some((_, url))) = (&self.voucher, self.services.first()) {
            trust::tell(out, voucher, url)?;
        }
        writeln!(out, "\naccounts, with passwords that open nothing else:")?;
        let widest = |of: fn(&User) -> &str| self.users.iter().map(|user| of(user).len()).max();
        let first = widest(|user| &user.name).unwrap_or(0);
        let second = widest(|user| &user.username).unwrap_or(0);
        for user in self.users {
            let (name, username, password) = (&user.name, &user.username, user.password.expose());
            writeln!(out, "  {name:<first$}  {username:<second$}  {password}")?;
        }
        if let Some(path) = &self.env_file {
            let names: Vec<&str> = self.variables().map(|(name, _)| name).collect();
            writeln!(out, "\n{} in {}", names.join(", "), path.display())?;
        }
        if qr {
            self.tell_code(out)?;
        }
        writeln!(out, "\nlevers: curl {operator}")?;
        writeln!(out, "ready; Ctrl-C stops it")
    }

    fn tell_reach(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.is_open {
            return writeln!(
                out,
                "\nthis machine alone reaches it; --bind 0.0.0.0 lets phones in"
            );
        }
        if self.others.is_empty() {
            return Ok(());
        }
        let others: Vec<String> = self.others.iter().map(|ip| network::host(*ip)).collect();
        writeln!(out, "\nalso reached at {}", others.join(", "))
    }

    /// A code that opens in a phone's browser what answers everybody, so that one sees whether the phone gets
    /// through before an app is blamed.
    fn tell_code(&self, out: &mut dyn Write) -> io::Result<()> {
        let health = self.contract.health.iter().find(|own| own.method == "GET");
        let found = match health {
            Some(own) => {
                let mut services = self.services.iter();
                let found = services.find(|(service, _)| service.name == own.service);
                found.map(|(_, url)| format!("{url}{}", own.path))
            }
            None => self.services.first().map(|(_, url)| url.clone()),
        };
        let Some(url) = found else { return Ok(()) };
        if let Some(code) = code::qr(&url) {
            writeln!(out, "\n{code}")?;
            writeln!(out, "  what a phone sees that gets through: {url}")?;
        }
        Ok(())
    }
}
