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
use jiff::{SignedDuration, Span, Timestamp, ToSpan};
use salescommand_domain::access::{Scope, ScopeKey};
use salescommand_store::{Condition, Error as StoreError, OPS_ROLL_UPS, Ops, Query};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::document;

/// A scope of more keys than this is wide. A reader of fewer sums them in a few milliseconds.
const WIDE: usize = 64;
/// Most keys that one stored wish can hold; a scope with more sums per key.
const MOST_KEYS: usize = 200_000;
/// Only a scope that stays the same for so long is asked for: while an organisation is read for the first time, or
/// changes by the second, each of its shapes would be.
const SETTLED: SignedDuration = SignedDuration::from_secs(3);
/// Most scopes that are remembered without having been asked for.
const MOST_PASSING: usize = 10_000;
/// Wishes that nobody repeated for so many days go.
const DAYS: i64 = 7;

/// The wishes of this process's readers.
pub(crate) struct RollUps {
    ops: Arc<dyn Ops>,
    clock: Arc<dyn Clock>,
    wanted: Mutex<BTreeMap<ScopeKey, Wanted>>,
}

/// What readers of this process want.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// When it was first wanted.
    since: Timestamp,
    /// On which day it was last asked for: once a day is enough.
    asked_on: Option<Date>,
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
        Self { ops, clock, wanted: Mutex::default() }
    }

    /// Whether a scope is so wide that a roll-up pays.
    pub(crate) fn pays(scope: &Scope) -> bool {
        match scope.keys() {
            Some(keys) => (WIDE + 1..=MOST_KEYS).contains(&keys.len()),
            None => scope.people() > WIDE,
        }
    }

    /// Says that the sums of a scope are read: once a day and process, if it is no passing shape of the organisation. Not
    /// being able to is no harm to the reader.
    pub(crate) async fn ask(&self, scope: &Scope) {
        let roll_up = scope.roll_up();
        let now = self.clock.now();
        let today = now.to_zoned(TimeZone::UTC).date();
        if !self.is_due(roll_up, now, today) {
            return;
        }
        if let Err(error) = self.record(scope, roll_up, today).await {
            tracing::warn!(%error, "that a roll-up is wanted could not be recorded; its reader sums per key");
            self.wanted().remove(roll_up);
        }
    }

    /// Takes note that a roll-up is wanted; tells whether it is to be asked for now.
    fn is_due(&self, roll_up: &ScopeKey, now: Timestamp, today: Date) -> bool {
        let mut wanted = self.wanted();
        if let Some(held) = wanted.get_mut(roll_up) {
            let due = now.duration_since(held.since) >= SETTLED && held.asked_on != Some(today);
            if due {
                held.asked_on = Some(today);
            }
            return due;
        }
        if wanted.len() > MOST_PASSING {
            wanted.retain(|_, held| held.asked_on.is_some());
        }
        wanted.insert(roll_up.clone(), Wanted { since: now, asked_on: None });
        false
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
        self.wanted().retain(|_, held| held.asked_on.is_some_and(|day| day >= before));
        Ok(())
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeMap<ScopeKey, Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
