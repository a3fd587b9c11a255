//! What a person reads once everything runs.

use crate::ports::Ports;
use crate::state::StateFolder;

/// The demo users, made by `salescommand all --demo` and by nothing else: address, password, role.
const USERS: [(&str, &str, &str); 3] = [
    ("superadmin@salescommand.com", "demo123", "Super Admin"),
    ("am1@salescommand.com", "demo123", "Account Manager"),
    ("krishna@securado.net", "password", "Sales User"),
];

/// After a start.
pub fn started(ports: &Ports, state: &StateFolder, detached: bool) -> String {
    let stop = if detached { "cargo xtask down" } else { "Ctrl-C, or `cargo xtask down` from elsewhere" };
    compose("SalesCommand is ready", ports, state, stop)
}

/// When `up` finds everything running.
pub fn already_running(ports: &Ports, state: &StateFolder) -> String {
    compose(
        "SalesCommand is already running",
        ports,
        state,
        "cargo xtask down  (then `up` again to take in changed code)",
    )
}

fn compose(title: &str, ports: &Ports, state: &StateFolder, stop: &str) -> String {
    let mut text = format!("\n{title}:  {}\n\n  Sign in as\n", ports.address());
    for (address, password, role) in USERS {
        text.push_str(&format!("    {address:<30} {password:<10} {role}\n"));
    }
    text.push_str(&format!("\n  Demo Odoo   {}\n", ports.odoo_address()));
    text.push_str(&format!("  Logs        {}\n", state.path("logs").display()));
    text.push_str(&format!("  Processes   cargo xtask status\n  Stop        {stop}\n\n"));
    text.push_str(&boxed("Demo only, not for production: known passwords, one machine, loopback."));
    text.push('\n');
    text
}

fn boxed(line: &str) -> String {
    let rule = "─".repeat(line.chars().count() + 2);
    format!("  ┌{rule}┐\n  │ {line} │\n  └{rule}┘\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_address_users_logs_and_how_to_stop() {
        let ports = Ports::free().unwrap();
        let text = started(&ports, &StateFolder::at("/s".into()), true);
        let wanted = [
            &ports.address(),
            "krishna@securado.net",
            "demo123",
            "/s/logs",
            "cargo xtask down",
            "not for production",
        ];
        for word in wanted {
            assert!(text.contains(word), "{word} is missing in:\n{text}");
        }
    }
}
