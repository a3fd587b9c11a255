//! The activity feed.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::access::ScopeKey;
use crate::canonical::{ActivityKind, ActivityState, FacetId, Golden, GoldenBody, Related};

/// One activity: the document of `activity_feed`. Names are looked up when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// The activity.
    #[serde(rename = "_id")]
    pub id: FacetId,
    /// Who may see it.
    pub scope_key: ScopeKey,
    /// When it was made: the feed's order. Stored as milliseconds since 1970, which sort as time does.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub at: Option<Timestamp>,
    /// Call, meeting, ….
    pub activity_kind: ActivityKind,
    /// Subject line.
    pub subject: String,
    /// Open, done, cancelled.
    pub state: ActivityState,
    /// Due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// Day it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_on: Option<Date>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<FacetId>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
}

impl FeedItem {
    /// The feed item of a golden activity; none for other records and for deleted ones.
    pub fn of(golden: &Golden) -> Option<Self> {
        let GoldenBody::Activity(activity) = &golden.body else { return None };
        (!golden.deleted).then(|| Self {
            id: golden.id,
            scope_key: golden.scope_key.clone(),
            at: activity.created_at,
            activity_kind: activity.activity_kind,
            subject: activity.subject.clone(),
            state: activity.state,
            due: activity.due,
            done_on: activity.done_on,
            owner: activity.owner,
            related: activity.related,
        })
    }
}
