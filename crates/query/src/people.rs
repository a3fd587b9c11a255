//! Telling the pipeline who has an account and who reports to whom: the port behind which the app publishes both as
//! configuration events.

use async_trait::async_trait;
use salescommand_domain::canonical::ManagerEdgeFacet;
use salescommand_domain::raw::Position;

use crate::accounts::AccountSummary;
use crate::writes::WriteError;

/// The pipeline could not be told.
#[derive(Debug, thiserror::Error)]
#[error("the pipeline cannot be told of an account: {0}")]
pub struct PeopleError(pub String);

/// Tells the pipeline.
#[async_trait]
pub trait People: Send + Sync {
    /// Who an account is, so that it becomes one person with the same one in the sources. Told twice, it is told once.
    async fn announce(&self, account: &AccountSummary) -> Result<(), PeopleError>;

    /// Who somebody reports to; it takes the place of what was declared from the same day on. Gives the end of the log.
    async fn declare(&self, edge: &ManagerEdgeFacet) -> Result<Position, WriteError>;

    /// Takes the record of a declared edge back. Gives the end of the log.
    async fn take_back(&self, key: &str) -> Result<Position, WriteError>;
}
