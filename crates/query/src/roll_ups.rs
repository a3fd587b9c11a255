//! Which roll-ups readers want: scopes so wide that their sums are kept together.
//!
//! The projector keeps what stands here and moves it with the sums; until it does, and after a reorganisation, readers
//! sum per scope key, which takes longer and comes to the same. A wish that nobody has repeated for a week goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bson::Bson;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use salescommand_domain::access::{Scope, ScopeKey};
use salescommand_store::{Condition, Error as StoreError, OPS_ROLL_UPS, Ops, Query};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::document;

/// A scope of more keys than this is wide. A reader of fewer sums them in a few milliseconds.
const WIDE: usize = 64;
/// Most keys that one stored wish can hold; a scope with more sums per key.
const MOST_KEYS: usize = 200_000;
/// Wishes that nobody repeated for so many days go.
const DAYS: i64 = 7;

/// The wishes of this process's readers.
pub(crate) struct RollUps {
    ops: Arc<dyn Ops>,
    clock: Arc<dyn Clock>,
    /// On which day each was last asked for: once a day is enough.
    asked: Mutex<BTreeMap<ScopeKey, Date>>,
}

impl fmt::Debug for RollUps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RollUps")
    }
}

/// A wish as it is stored; the projector reads it as its `RollUp`.
#[derive(Debug, Serialize, Deserialize)]
struct Wish {
    #[serde(rename = "_id")]
    id: ScopeKey,
    scope_key: ScopeKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<BTreeSet<ScopeKey>>,
    asked_on: Date,
    revision: i64,
}

/// The day and revision of a stored wish.
#[derive(Debug, Deserialize)]
struct Asked {
    asked_on: Date,
    revision: i64,
}

impl RollUps {
    pub(crate) fn new(ops: Arc<dyn Ops>, clock: Arc<dyn Clock>) -> Self {
        Self { ops, clock, asked: Mutex::default() }
    }

    /// Whether a scope is so wide that a roll-up pays.
    pub(crate) fn pays(scope: &Scope) -> bool {
        match scope.keys() {
            Some(keys) => (WIDE + 1..=MOST_KEYS).contains(&keys.len()),
            None => scope.people() > WIDE,
        }
    }

    /// Says that the sums of a scope are read: once a day and process. Not being able to is no harm to the reader.
    pub(crate) async fn ask(&self, scope: &Scope) {
        let roll_up = scope.roll_up();
        let today = self.clock.now().to_zoned(TimeZone::UTC).date();
        if self.asked().insert(roll_up.clone(), today) == Some(today) {
            return;
        }
        if let Err(error) = self.record(scope, roll_up, today).await {
            tracing::warn!(%error, "that a roll-up is wanted could not be recorded; its reader sums per key");
            self.asked().remove(roll_up);
        }
    }

    async fn record(&self, scope: &Scope, roll_up: &ScopeKey, today: Date) -> Result<(), StoreError> {
        let this = Condition::Eq("_id".to_owned(), Bson::from(roll_up.as_str()));
        let this = Query::all().with(this).only(&["asked_on", "revision"]);
        let held: Option<Asked> = document::read_all(&self.ops.list(OPS_ROLL_UPS, &this).await?)?.pop();
        let wish = Wish {
            id: roll_up.clone(),
            scope_key: roll_up.clone(),
            keys: scope.keys().cloned(),
            asked_on: today,
            revision: held.as_ref().map_or(1, |held| held.revision + 1),
        };
        match held {
            Some(held) if held.asked_on >= today => {}
            Some(held) => {
                let wish = document::write(&wish)?;
                // Who else wrote it today said the same.
                let _same = self.ops.replace_if(OPS_ROLL_UPS, roll_up.as_str(), held.revision, wish).await?;
            }
            None => match self.ops.insert(OPS_ROLL_UPS, document::write(&wish)?).await {
                Ok(()) | Err(StoreError::Duplicate { .. }) => self.forget(today).await?,
                Err(error) => return Err(error),
            },
        }
        Ok(())
    }

    /// Removes what nobody reads any more: former shapes of the organisation, mostly.
    async fn forget(&self, today: Date) -> Result<(), StoreError> {
        let week: Span = DAYS.days();
        let Ok(before) = today.checked_sub(week) else { return Ok(()) };
        let old = Condition::Lt("asked_on".to_owned(), before.to_string().into());
        self.ops.delete(OPS_ROLL_UPS, &Query::all().with(old)).await?;
        self.asked().retain(|_, day| *day >= before);
        Ok(())
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<ScopeKey, Date>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
