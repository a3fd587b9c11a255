//! Tells the pipeline of accounts that sign-ins through providers make, as `user create` does, and of who reports to
//! whom, as `org set-manager` does.

use async_trait::async_trait;
use salescommand_domain::canonical::ManagerEdgeFacet;
use salescommand_domain::raw::Position;
use salescommand_ingest::Ports;
use salescommand_query::accounts::AccountSummary;
use salescommand_query::people::{People, PeopleError};
use salescommand_query::writes::WriteError;

use crate::config_events;
use crate::connections::is_unreachable;

/// Publishes accounts as configuration events.
pub struct AccountLog {
    /// The driver's ports.
    pub ports: Ports,
}

#[async_trait]
impl People for AccountLog {
    async fn announce(&self, account: &AccountSummary) -> Result<(), PeopleError> {
        let published = config_events::publish(&self.ports, vec![config_events::account(account)]).await;
        published.map(drop).map_err(|error| PeopleError(format!("{error:#}")))
    }

    async fn declare(&self, edge: &ManagerEdgeFacet) -> Result<Position, WriteError> {
        let published = config_events::publish(&self.ports, vec![config_events::manager_edge(edge)]).await;
        published.map_err(refusal)
    }

    async fn take_back(&self, key: &str) -> Result<Position, WriteError> {
        config_events::retract_edge(&self.ports, key).await.map_err(refusal)
    }
}

/// Why the log of `config` was not written.
pub fn refusal(error: anyhow::Error) -> WriteError {
    if is_unreachable(&error) {
        WriteError::Unavailable(format!("{error:#}"))
    } else {
        WriteError::Refused(format!("{error:#}"))
    }
}
