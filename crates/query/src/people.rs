//! Telling the pipeline who has an account: the port behind which the app publishes it as a configuration event.

use async_trait::async_trait;

use crate::accounts::AccountSummary;

/// The pipeline could not be told.
#[derive(Debug, thiserror::Error)]
#[error("the pipeline cannot be told of an account: {0}")]
pub struct PeopleError(pub String);

/// Tells the pipeline.
#[async_trait]
pub trait People: Send + Sync {
    /// Who an account is, so that it becomes one person with the same one in the sources. Told twice, it is told once.
    async fn announce(&self, account: &AccountSummary) -> Result<(), PeopleError>;
}
