//! The courier app's backend as a deployment: behind nginx with TLS, its socket's path proxied, its gate moved by a
//! command; played by many at once and in shards, and killed in mid-run.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::backend::{Backend, Kind};
use crate::ports::Reserved;

/// nginx in front of both services, and the configuration that leads there.
struct Staging {
    backend: Backend,
    nginx: Child,
    _ports: [Reserved; 2],
    _folder: TempDir,
}

impl Staging {
    fn start() -> Self {
        let backend = Backend::start(Kind::Fleet, None);
        let folder = tempfile::tempdir().unwrap();
        let config = fs::read_to_string(backend.folder().join("rehearsal.toml")).unwrap();
        let reserved = [(); 2].map(|()| Reserved::new());
        let ports = reserved.each_ref().map(Reserved::port);
        let services = ["auth", "fleet"].map(|service| url(&config, service));
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys");
        let certificate = keys.join("gateway-test-only.pem");
        let servers = services
            .clone()
            .map(|service| authority(&service).to_owned());
        let text = configuration(folder.path(), &certificate, &servers, ports);
        fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let nginx = nginx(folder.path());
        backend.configure(|config| {
            let mut config = config;
            for (service, port) in services.iter().zip(ports) {
                let secure = service.replace("http://", "https://");
                let secure = secure.replace(authority(service), &format!("localhost:{port}"));
                config = config.replace(service, &secure);
            }
            let lines = config
                .lines()
                .filter(|line| !line.starts_with("maintenance."));
            let config = lines.collect::<Vec<_>>().join("\n");
            let trusted = format!(
                "disposable = \"tester-b\"\ntls = {{ ca = \"{}\" }}",
                certificate.display()
            );
            config.replace("disposable = \"tester-b\"", &trusted) + "\n" + &levers(&config)
        });
        Self {
            backend,
            nginx,
            _ports: reserved,
            _folder: folder,
        }
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.backend.rehearsal(arguments);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let told = [stdout, stderr].map(|told| String::from_utf8(told).unwrap());
        (status.code(), told.join("\n"))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Asked to go, so that its workers go, too.
        let pid = self.nginx.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.nginx.wait();
    }
}

/// What a service's URL is in the configuration.
fn url(config: &str, service: &str) -> String {
    let line = config
        .lines()
        .find(|line| line.starts_with(&format!("{service} = ")));
    line.unwrap().split('"').nth(1).unwrap().to_owned()
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    rest.split('/').next().unwrap()
}

/// The gate as a program moves it, which tells what it has done.
fn levers(config: &str) -> String {
    let operator = config.split("POST ").nth(1).unwrap();
    let operator = operator.split("/expire").next().unwrap();
    let lever =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/backends/fleet/lever.mjs");
    let call = |act: &str, gate: &str| {
        format!(
            "{{ command = [\"node\", \"{}\", \"{act}\", \"{operator}\"], environment = {{ FLEET_OPS = \"{{env:FLEET_OPS}}\" }}, \
             done = {{ output = \"the gate is {gate}\" }} }}",
            lever.display()
        )
    };
    format!(
        "maintenance.on = {}\nmaintenance.off = {}\n",
        call("close", "closed"),
        call("open", "open")
    )
}

fn nginx(folder: &Path) -> Child {
    let mut child = Command::new("nginx")
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .args(["-e", "stderr"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("nginx is needed: `apt-get install nginx-light`, or the like");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains("start worker") || line.contains("[emerg]"));
    assert!(
        ready.as_ref().is_some_and(|line| !line.contains("[emerg]")),
        "nginx does not start: {ready:?}"
    );
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn configuration(
    folder: &Path,
    certificate: &Path,
    services: &[String; 2],
    ports: [u16; 2],
) -> String {
    let (folder, certificate) = (folder.display(), certificate.display());
    let servers: String = services
        .iter()
        .zip(ports)
        .map(|(service, port)| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate};\n\
                 location / {{ proxy_pass http://{service}; proxy_http_version 1.1; proxy_read_timeout 75s;\n\
                 proxy_set_header Host $host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrade; }} }}\n"
            )
        })
        .collect();
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr notice;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
         map $http_upgrade $upgrade {{ default upgrade; \"\" \"\"; }}\n{servers}}}\n"
    )
}

#[test]
fn a_deployment_behind_nginx_is_played_by_many_at_once_in_shards_that_make_one_run() {
    let staging = Staging::start();
    let some = [
        "sign-in",
        "session-restore",
        "kill-switch",
        "dropped-sockets",
        "polling-fallback",
    ];
    let some: Vec<&str> = some.iter().flat_map(|id| ["--scenario", id]).collect();
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.run.gz", &shard[..1]);
        let words = ["run", "--target", "fleet", "--jobs", "4", "--shard", shard];
        let (code, told) = staging.run(&[&words[..], &some, &["--run-file", &file]].concat());
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("fleet was asked "), "{told}");
    }
    let merge = ["merge", "2.run.gz", "1.run.gz", "-o", "all.run.gz"];
    let (code, told) = staging.run(&[&merge[..], &["--exit-code"]].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("5 scenarios, passed") && !told.contains("missing"),
        "{told}"
    );
    let (_, told) = staging.run(&["report", "all.run.gz", "--json", "-"]);
    assert!(told.contains("maintenance=on (command)"), "{told}");
}

#[test]
fn what_a_killed_run_has_switched_by_a_command_is_put_back() {
    let staging = Staging::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let words = ["run", "--target", "fleet", "--scenario", "kill-switch"];
    let mut child = staging
        .backend
        .rehearsal(&words)
        .env("FLEET_TELL", &port)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The gate is closed when this comes.
    let mut said = String::new();
    let (told, _) = listener.accept().unwrap();
    BufReader::new(told).read_line(&mut said).unwrap();
    assert_eq!(said, "closed\n");
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, told) = staging.run(&["levers", "restore", "--target", "fleet"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("put back at fleet: maintenance"), "{told}");
    let (code, told) = staging.run(&["run", "--target", "fleet", "--scenario", "sign-in"]);
    assert_eq!(code, Some(0), "{told}");
}
