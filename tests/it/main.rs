//! Tests on real servers.

// Everything here is test code; saying so lets helpers unwrap as tests do.
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod convergence;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod eventlog;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod generations;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod interference;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod ms365;
#[cfg(test)]
mod ms365_canonical;
#[cfg(test)]
mod ms365_changes;
#[cfg(test)]
mod odoo_activities;
#[cfg(test)]
mod odoo_changes;
#[cfg(test)]
mod odoo_history;
#[cfg(test)]
mod odoo_hooks;
#[cfg(test)]
mod odoo_labels;
#[cfg(test)]
mod odoo_merges;
#[cfg(test)]
mod odoo_schema;
#[cfg(test)]
mod office;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod projections;
#[cfg(test)]
mod provisioning;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod real_odoo;
#[cfg(test)]
mod recompute;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod reorganisation;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod roll_ups;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod source_replays;
#[cfg(test)]
mod store;
#[cfg(test)]
mod sync_runs;
#[cfg(test)]
mod take_over;
#[cfg(test)]
mod tls;
