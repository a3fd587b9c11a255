//! A whole stack of stand-ins: one script plays every program, so that start, death and stop are tested in a second.

use super::services::Plan;
use super::{Stack, stop_all};
use crate::ports::Ports;
use crate::secrets::Secrets;
use crate::servers::Origin;
use crate::state::StateFolder;
use crate::workspace::Binaries;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Serves HTTP on the port that the real program would take, and answers every GET as a ready SalesCommand does.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import http.server, os, sys
if "dev-init-mongo" in sys.argv:
    sys.exit(0)
if "--config" in sys.argv:
    address = os.environ["NATS_MONITOR_LISTEN"].strip('"')
elif "--dbpath" in sys.argv:
    address = ":" + sys.argv[sys.argv.index("--port") + 1]
elif "--listen" in sys.argv:
    address = sys.argv[sys.argv.index("--listen") + 1]
else:
    address = os.environ["SALESCOMMAND_HTTP__LISTEN"]

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"checks": [{"name": "first-sync", "status": "ok", "detail": "3 records"}]}')

http.server.HTTPServer(("127.0.0.1", int(address.split(":")[1])), Answer).serve_forever()
"#;

fn plan(folder: &Path) -> Plan {
    let program = folder.join("stand-in");
    fs::write(&program, STAND_IN).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let state = StateFolder::at(folder.join("state"));
    state.create("").unwrap();
    Plan {
        root: folder.to_owned(),
        ports: Ports::free().unwrap(),
        secrets: Secrets::load_or_create(&state.path("secrets.json")).unwrap(),
        nats: Origin::Program(program.clone()),
        mongo: Origin::Program(program.clone()),
        binaries: Binaries { salescommand: program.clone(), simulator: program },
        settings: Vec::new(),
        state,
    }
}

#[test]
fn a_dead_process_is_named_and_takes_the_rest_down() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    let stack = Stack::start(&plan).unwrap();
    let running = plan.state.running().unwrap().unwrap();
    let names: Vec<&str> = running.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["nats", "mongo", "odoo-simulator", "salescommand"]);
    assert!(running.all_healthy());
    assert!(running.supervisor.as_ref().is_some_and(|supervisor| supervisor.is_alive()));

    running.processes[1].identity.stop(Duration::from_secs(5));
    let error = stack.supervise().unwrap_err().to_string();
    assert!(error.contains("mongo has ended by itself"), "{error}");
    assert!(!running.any_alive());
    assert!(plan.state.running().unwrap().is_none());
}

#[test]
fn a_detached_stack_outlives_us_and_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    Stack::start(&plan).unwrap().detach().unwrap();
    let running = plan.state.running().unwrap().unwrap();
    assert!(running.supervisor.is_none());
    assert!(running.all_healthy());
    stop_all(&running);
    assert!(!running.any_alive());
}

#[test]
fn a_program_that_ends_at_once_is_told_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path());
    let broken = folder.path().join("broken");
    fs::write(&broken, "#!/bin/sh\necho 'no space left' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    plan.mongo = Origin::Program(broken);
    let error = Stack::start(&plan).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("has ended by itself") && error.contains("no space left"), "{error}");
    assert!(plan.state.running().unwrap().is_none(), "NATS must have been stopped");
}
