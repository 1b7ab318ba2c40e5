//! A certificate authority of this machine alone, for developing: kept in two files, so that whoever trusts it does
//! so once, with a certificate for the listeners that is made anew at each start.
//!
//! It can vouch for no domain that anybody else has: its certificate says so (RFC 5280 §4.2.1.10), for the case
//! that its key gets lost. Addresses are free, for those of a network at home or at work may be any.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use tempfile::NamedTempFile;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::tls::Tls;

/// The file of its certificate.
pub(crate) const CERTIFICATE: &str = "mock-ca.pem";
const KEY: &str = "mock-ca-key.pem";

const DAY: Duration = Duration::from_secs(86_400);

/// How long the authority is good for.
const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How long a listener's certificate is: less than the 825 days that Apple's systems take
/// (<https://support.apple.com/en-us/103769>).
const LISTENERS: Duration = Duration::from_secs(397 * 86_400);

/// The domains below which it may name anybody: this machine (RFC 6761) and its neighbours (RFC 6762).
const DOMAINS: [&str; 2] = ["localhost", "local"];

/// By which address emulators of Android reach their machine.
pub(crate) const EMULATOR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 2, 2));

/// Who signs the certificates of this machine's listeners.
pub struct Authority {
    path: PathBuf,
    pem: Arc<str>,
    issuer: Issuer<'static, KeyPair>,
    now: Duration,
    is_new: bool,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum NoAuthority {
    /// The system refuses a file.
    #[error("cannot {verb} {}: {error}", path.display())]
    File {
        /// What was attempted.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file that holds something else.
    #[error("{} holds no {what}: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate without its key.
    #[error("{} is there, and its key {} is not", certificate.display(), key.display())]
    NoKey {
        /// The certificate.
        certificate: PathBuf,
        /// Where its key would be.
        key: PathBuf,
    },
    /// Two files that have nothing to do with each other.
    #[error("{} is not the key of {}", key.display(), certificate.display())]
    Foreign {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// It was good once.
    #[error("{} has expired", .0.display())]
    Expired(PathBuf),
    /// A certificate cannot be made.
    #[error("no certificate can be made: {0}")]
    Unmade(String),
}

impl Authority {
    /// The authority of a folder, which is made where there is none. `now` is the time since 1970.
    ///
    /// # Errors
    /// When what is there cannot be used; then it stays as it is.
    pub fn kept_in(folder: &Path, now: Duration) -> Result<Self, NoAuthority> {
        let (path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        let pem = read(&path, "read the certificate")?;
        let key_pem = read(&key_path, "read the key")?;
        let key = match (&pem, key_pem) {
            (_, Some(text)) => {
                own_alone(&key_path);
                KeyPair::from_pem(&text).map_err(|why| NoAuthority::Broken {
                    path: key_path.clone(),
                    what: "private key as PEM",
                    why: why.to_string(),
                })?
            }
            (None, None) => {
                let key = KeyPair::generate().map_err(unmade)?;
                prepare(folder)?;
                write(&key_path, &key.serialize_pem(), false)?;
                key
            }
            (Some(_), None) => {
                return Err(NoAuthority::NoKey {
                    certificate: path,
                    key: key_path,
                });
            }
        };
        let params = params(&key, now);
        let mine = params.self_signed(&key).map_err(unmade)?;
        let (pem, is_new) = match pem {
            Some(pem) => {
                check(&pem, mine.der(), &path, &key_path, now)?;
                (pem, false)
            }
            None => {
                write(&path, &mine.pem(), true)?;
                (mine.pem(), true)
            }
        };
        Ok(Self {
            path,
            pem: pem.into(),
            issuer: Issuer::new(params, key),
            now,
            is_new,
        })
    }

    /// Where its certificate is, which clients are to trust.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its certificate, as PEM.
    #[must_use]
    pub fn pem(&self) -> Arc<str> {
        Arc::clone(&self.pem)
    }

    /// Whether nobody can trust it yet, because it was made just now.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// A new certificate for this machine, by its own names and by these addresses.
    ///
    /// # Errors
    /// When none can be made.
    pub fn certify(&self, addresses: &[IpAddr]) -> Result<Tls, NoAuthority> {
        let key = KeyPair::generate().map_err(unmade)?;
        let mut params = CertificateParams::new(["localhost".to_owned()]).map_err(unmade)?;
        let here = [
            [127, 0, 0, 1].into(),
            IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ];
        let mut all: Vec<IpAddr> = here.into_iter().chain([EMULATOR]).collect();
        for ip in addresses {
            if !all.contains(ip) && !ip.is_unspecified() {
                all.push(*ip);
            }
        }
        let names = all.into_iter().map(SanType::IpAddress);
        params.subject_alt_names.extend(names);
        params.distinguished_name = Default::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "rehearsal mock");
        last(&mut params, self.now, LISTENERS);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let made = params.signed_by(&key, &self.issuer).map_err(unmade)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Tls::of(vec![made.der().clone()], private).map_err(unmade)
    }
}

/// What the certificate of an authority with this key says. Its name follows from the key, so that the
/// authorities of two machines are told apart by whoever trusts both.
fn params(key: &KeyPair, now: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    let id = params.key_identifier(key);
    let id: String = id
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    params.distinguished_name = Default::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::OrganizationName, "rehearsal, for development only");
    name.push(DnType::CommonName, format!("rehearsal mock {id}"));
    last(&mut params, now, YEARS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let domains = DOMAINS.map(|name| GeneralSubtree::DnsName(name.to_owned()));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: domains.into(),
        excluded_subtrees: Vec::new(),
    });
    params
}

/// Has a certificate count so long from now on; a phone's clock may be behind.
fn last(params: &mut CertificateParams, now: Duration, long: Duration) {
    let moment = |unix: Duration| date_time_ymd(1970, 1, 1) + unix;
    params.not_before = moment(now.saturating_sub(DAY));
    params.not_after = moment(now + long);
}

/// Whether a certificate is that of an authority with this key, which `mine` is, and still counts.
fn check(
    pem: &str,
    mine: &[u8],
    path: &Path,
    key: &Path,
    now: Duration,
) -> Result<(), NoAuthority> {
    let broken = |why: String| NoAuthority::Broken {
        path: path.to_owned(),
        what: "certificate as PEM",
        why,
    };
    let der =
        CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|why| broken(why.to_string()))?;
    let kept = Certificate::from_der(&der).map_err(|why| broken(why.to_string()))?;
    let mine = Certificate::from_der(mine).map_err(unmade)?;
    let (kept, mine) = (kept.tbs_certificate(), mine.tbs_certificate());
    let is_of_key = kept.subject_public_key_info() == mine.subject_public_key_info();
    if !is_of_key || kept.subject() != mine.subject() {
        return Err(NoAuthority::Foreign {
            certificate: path.to_owned(),
            key: key.to_owned(),
        });
    }
    if kept.validity().not_after.to_unix_duration() <= now {
        return Err(NoAuthority::Expired(path.to_owned()));
    }
    Ok(())
}

/// What a file holds, if there is one.
fn read(path: &Path, verb: &'static str) -> Result<Option<String>, NoAuthority> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(NoAuthority::File {
            verb,
            path: path.to_owned(),
            error,
        }),
    }
}

/// Makes the folder, and keeps it out of version control if it is new.
fn prepare(folder: &Path) -> Result<(), NoAuthority> {
    let failed = |error| NoAuthority::File {
        verb: "make the folder",
        path: folder.to_owned(),
        error,
    };
    if folder.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(folder.join(".gitignore"), "*\n").map_err(failed)
}

/// Writes a file that is not there yet, whole or not at all. It is its owner's alone unless it is `for_all`.
fn write(path: &Path, text: &str, for_all: bool) -> Result<(), NoAuthority> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = NamedTempFile::with_prefix_in(".rehearsal-", folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        #[cfg(unix)]
        if for_all {
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            file.as_file().set_permissions(all)?;
        }
        file.as_file().sync_all()?;
        // Whoever was first has the authority that is trusted from now on.
        file.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|error| NoAuthority::File {
        verb: "write",
        path: path.to_owned(),
        error,
    })
}

/// Takes a key from everybody but its owner. Where the file system knows no such thing, nothing can be done.
fn own_alone(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = fs::metadata(path).is_ok_and(|own| own.permissions().mode() & 0o077 != 0);
        if open {
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        }
    }
}

fn unmade(why: impl std::fmt::Display) -> NoAuthority {
    NoAuthority::Unmade(why.to_string())
}

#[cfg(test)]
mod tests;
