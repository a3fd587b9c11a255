//! Tells the pipeline of accounts that sign-ins through providers make, as `user create` does.

use async_trait::async_trait;
use salescommand_ingest::Ports;
use salescommand_query::accounts::AccountSummary;
use salescommand_query::people::{People, PeopleError};

use crate::config_events;

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
}
