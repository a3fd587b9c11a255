//! Names of those who asked: records hold account ids, which outlive a change of name.

use std::collections::BTreeMap;

use crate::access::Allowed;
use crate::accounts::AccountError;
use crate::error::ApiError;

/// Names by account id.
#[derive(Debug, Default)]
pub(crate) struct People(BTreeMap<String, String>);

impl People {
    pub(crate) async fn read<P>(allowed: &Allowed<P>) -> Result<Self, ApiError> {
        let accounts = allowed.app().accounts.list().await.map_err(|error| match error {
            AccountError::Store(error) => ApiError::store(error),
            other => ApiError::internal(other),
        })?;
        Ok(Self(accounts.into_iter().map(|account| (account.id, account.name)).collect()))
    }

    /// A person's name; whoever has no account (the command line) is called as the record does; none for the program.
    pub(crate) fn name(&self, by: &str) -> Option<String> {
        let name = self.0.get(by).cloned().unwrap_or_else(|| by.to_owned());
        (!name.is_empty()).then_some(name)
    }
}
