//! Levers that are moved by commands.

use super::*;

#[test]
fn what_a_command_has_switched_is_put_back_by_a_command_after_a_kill() {
    let target = Target::start();
    let folder = target.folder.path();
    let fifo = folder.join("moved");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let platform = target.mock.url("/services/platform");
    let trading = target.mock.url("/services/trading");
    let config = format!(
        r#"
[targets.local.services]
platform = "{platform}"
trading = "{trading}"

[targets.local.levers]
maintenance.on = {{ command = ["sh", "-c", "echo $0 > moved", "on"], timeout = "60s" }}
maintenance.off = {{ command = ["sh", "-c", "echo $0 > moved", "off"], timeout = "60s" }}
backend.stop = {{ command = ["true", "{{service}}"] }}
backend.start = {{ command = ["true", "{{service}}"] }}
"#
    );
    fs::write(folder.join("rehearsal.toml"), config).unwrap();
    let mut run = target.run();
    // A pipe is opened when its other end is.
    assert_eq!(fs::read_to_string(&fifo).unwrap(), "on\n");
    run.kill().unwrap();
    run.wait().unwrap();
    let listed = text(target.rehearsal(&["levers"]).output().unwrap()).1;
    assert!(
        listed.contains("maintenance: by commands of the operator"),
        "{listed}"
    );
    assert!(listed.contains("left switched by"), "{listed}");
    let mut restore = target.rehearsal(&["levers", "restore"]);
    let restore = restore.stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(fs::read_to_string(&fifo).unwrap(), "off\n");
    let (code, out, _) = text(restore.wait_with_output().unwrap());
    assert_eq!(code, Some(0));
    assert!(out.contains("put back at local"), "{out}");
}
