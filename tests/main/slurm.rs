//! The example for Slurm on a real Slurm: a cluster of this machine alone, with files, keys and ports of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::ports::Reserved;

/// A cluster that ends with this.
struct Cluster {
    folder: TempDir,
    daemons: Vec<Child>,
    /// The controller's and the node's.
    ports: [Reserved; 2],
}

impl Cluster {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self {
            folder,
            daemons: Vec::new(),
            ports: [(); 2].map(|()| Reserved::new()),
        };
        for kept in ["state", "spool"] {
            fs::create_dir(cluster.path(kept)).unwrap();
        }
        let key: Vec<u8> = (0..1024).map(|_| fastrand::u8(..)).collect();
        fs::write(cluster.path("key"), key).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(cluster.path("key"), private).unwrap();
        fs::write(cluster.path("slurm.conf"), cluster.configuration()).unwrap();
        let munged = format!(
            "--force --foreground --key-file={0}/key --socket={0}/munge --pid-file={0}/munged.pid --seed-file={0}/seed",
            cluster.folder.path().display()
        );
        let munged: Vec<&str> = munged.split(' ').collect();
        cluster.daemon("munged", &munged, "Created socket");
        cluster.daemon("slurmctld", &["-D"], "Running as primary controller");
        cluster.daemon("slurmd", &["-D"], "slurmd started");
        cluster
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a single node without systemd, cgroups and accounting needs to be told.
    fn configuration(&self) -> String {
        let host = Command::new("hostname").arg("-s").output().unwrap().stdout;
        let host = String::from_utf8(host).unwrap();
        let host = host.trim();
        let [controller, node] = self.ports.each_ref().map(Reserved::port);
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        let (user, folder) = (user.trim(), self.folder.path().display());
        format!(
            "ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"
        )
    }

    /// Starts a daemon and waits until it says that it is there.
    fn daemon(&mut self, program: &str, arguments: &[&str], ready: &str) {
        let mut child = Command::new(program)
            .args(arguments)
            .env("SLURM_CONF", self.path("slurm.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        self.daemons.push(child);
        let mut said = Vec::new();
        for line in lines.by_ref() {
            said.push(line.unwrap());
            if said.last().is_some_and(|line| line.contains(ready)) {
                // Whoever is not read from any more stands still in the end.
                std::thread::spawn(move || lines.for_each(drop));
                return;
            }
        }
        panic!("{program} ended before it was ready:\n{}", said.join("\n"));
    }

    /// What is submitted from a folder of the examples, and how that ends.
    fn submit(&self, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci/slurm/submit.sh");
        let command = Path::new(env!("CARGO_BIN_EXE_rehearsal")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let output = Command::new(example)
            .args(arguments)
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", command.display()))
            .env("SLURM_CONF", self.path("slurm.conf"))
            .output()
            .unwrap();
        let merged = fs::read_to_string(folder.join("merge.log")).unwrap_or_default();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), told + &merged)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Those last that the others need.
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[test]
fn a_slurm_array_plays_three_shards_and_merges_them() {
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let few = ["--target", "mock", "--scenario", "sign-*", "--scenario"];
    let (code, told) = cluster.submit(at, &[&few[..], &["wrong-password"]].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("3 scenarios, passed"), "{told}");
    for shard in 1..=3 {
        let said = fs::read_to_string(at.join(format!("shard-{shard}.log"))).unwrap();
        let own = format!("shard {shard}/3: 1 of 3 scenarios");
        assert!(said.contains(&own), "{said}");
    }
    assert!(at.join("nightly.html").exists() && at.join("nightly.xml").exists());
    // A failure of one shard is how the whole ends.
    let quirk = ["--quirk", "token-in-query"];
    let (code, told) = cluster.submit(at, &[&few[..], &["wrong-password"], &quirk].concat());
    assert_eq!(code, Some(4), "{told}");
}
