//! What is kept of an authority, and who is vouched for by it.

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn kept(folder: &Path) -> Result<Authority, String> {
    Authority::kept_in(folder, now()).map_err(|error| error.to_string())
}

/// What handshakes look at is the machine's own clock.
fn now() -> Duration {
    crate::net::Clock::real_time().epoch()
}

/// Whether a client that trusts `authority` alone shakes hands with somebody of this name.
async fn trusts(authority: &Authority, tls: &Tls, name: &str) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    let pem = authority.pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let served = tls.acceptor().accept(far);
    let (met, _) = tokio::join!(connector.connect(name, near), served);
    met.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_certificate_of_a_later_start_is_trusted_by_whoever_trusts_the_first_ones_authority() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("state");
    let first = kept(&below).unwrap();
    let lan: IpAddr = "192.168.1.20".parse().unwrap();
    let before = first.certify(&[lan]).unwrap();
    let second = kept(&below).unwrap();
    assert!(first.is_new() && !second.is_new());
    assert_eq!(first.pem(), second.pem());
    let after = second.certify(&[]).unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "10.0.2.2"] {
        trusts(&first, &before, name).await.unwrap();
        trusts(&first, &after, name).await.unwrap();
    }
    trusts(&first, &before, "192.168.1.20").await.unwrap();
    trusts(&first, &after, "192.168.1.20").await.unwrap_err();
    let other = tempfile::tempdir().unwrap();
    let other = kept(other.path()).unwrap();
    trusts(&other, &before, "localhost").await.unwrap_err();
}

#[test]
fn the_key_is_its_owners_alone_and_both_files_stay_out_of_version_control() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("state");
    kept(&below).unwrap();
    assert_eq!(fs::read_to_string(below.join(".gitignore")).unwrap(), "*\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = || fs::metadata(below.join(KEY)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(below.join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
        kept(&below).unwrap();
        assert_eq!(
            mode(),
            0o600,
            "a key that others could read is taken from them"
        );
    }
}

#[test]
fn what_cannot_be_used_is_told_with_its_file_and_stays_as_it_is() {
    let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        kept(folder.path()).unwrap();
    }
    let at = |name: &str| one.path().join(name);
    let good = |name: &str| fs::read(other.path().join(name)).unwrap();
    let mine = fs::read(at(KEY)).unwrap();
    for (name, content, said) in [
        (
            KEY,
            b"no key at all".to_vec(),
            "holds no private key as PEM",
        ),
        (KEY, vec![0xff, 0], "holds no private key as PEM"),
        (KEY, good(KEY), "is not the key of"),
        (KEY, good(CERTIFICATE), "holds no private key as PEM"),
    ] {
        fs::write(at(name), &content).unwrap();
        let why = kept(one.path()).err().unwrap();
        assert!(why.contains(said) && why.contains("mock-ca"), "{why}");
        assert_eq!(fs::read(at(name)).unwrap(), content);
    }
    fs::write(at(KEY), &mine).unwrap();
    for (content, said) in [
        (b"half a certif".to_vec(), "holds no certificate as PEM"),
        (good(CERTIFICATE), "is not the key of"),
    ] {
        fs::write(at(CERTIFICATE), content).unwrap();
        let why = kept(one.path()).err().unwrap();
        assert!(why.contains(said), "{why}");
    }
    fs::remove_file(at(KEY)).unwrap();
    let why = kept(one.path()).err().unwrap();
    assert!(why.contains("and its key"), "{why}");
}

#[test]
fn an_authority_that_has_expired_vouches_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    Authority::kept_in(folder.path(), NOW).unwrap();
    let later = NOW + YEARS + DAY;
    let why = Authority::kept_in(folder.path(), later).err().unwrap();
    assert!(matches!(why, NoAuthority::Expired(_)), "{why}");
}
