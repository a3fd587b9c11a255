//! The program: its one line of output, its environment, SIGTERM, and the state file.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use super::client::rpc;

fn command(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salescommand-odoo-simulator"));
    command
        .args(["--listen", "127.0.0.1:0", "--today", "2026-11-23", "--today-pinned", "--state"])
        .arg(state)
        .stdout(Stdio::piped())
        .env("SIMULATOR_ADMIN_PASSWORD", "secret")
        .env("SIMULATOR_API_PASSWORD", "another");
    command
}

fn start(command: &mut Command) -> (Child, SocketAddr) {
    let mut child = command.spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).expect("it says where it listens");
    let line: Json = serde_json::from_str(&line).expect("one JSON line");
    assert_eq!(line["event"], json!("listening"));
    (child, line["address"].as_str().unwrap().parse().unwrap())
}

fn terminate(mut child: Child) {
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success(), "a graceful end is a success");
}

#[tokio::test]
async fn changes_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let (child, addr) = start(&mut command(&state));
    let create =
        json!(["demo", 2, "secret", "crm.lead", "create", [{"name": "Kept", "expected_revenue": 10.005}]]);
    let id = rpc(addr, "object", "execute_kw", create).await.unwrap();
    terminate(child);
    let (child, addr) = start(&mut command(&state));
    let read =
        json!(["demo", 2, "secret", "crm.lead", "read", [[id], ["name", "expected_revenue", "create_date"]]]);
    let row = rpc(addr, "object", "execute_kw", read).await.unwrap()[0].clone();
    assert_eq!((&row["name"], &row["expected_revenue"]), (&json!("Kept"), &json!(10.005)));
    assert!(row["create_date"].as_str().unwrap().starts_with("2026-11-23 12:"), "the pinned day: {row}");
    terminate(child);
}

#[tokio::test]
async fn a_module_may_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let count = json!(["demo", 2, "secret", "hr.employee", "search_count", [[]]]);
    let (child, addr) = start(command(&state).args(["--without", "hr"]));
    let refused = rpc(addr, "object", "execute_kw", count.clone()).await.unwrap_err();
    assert_eq!((refused.code, refused.last_line.as_str()), (2, "Object hr.employee doesn't exist"));
    terminate(child);
    let (child, addr) = start(&mut command(&state));
    assert!(rpc(addr, "object", "execute_kw", count).await.unwrap().as_i64() > Some(10));
    terminate(child);
}

#[test]
fn it_does_not_start_without_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        command(&folder.path().join("state.json")).env_remove("SIMULATOR_API_PASSWORD").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("SIMULATOR_API_PASSWORD"));
}
